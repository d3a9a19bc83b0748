//! Mappings through the API, of vendors and of projects: lists, drafts, plans, confirming.

use crate::control_kit::{Clients, fields, id, reason};
use linkyard_core::mapping::Subject;
use linkyard_proto::v1;
use linkyard_tests::control::{Control, Tenant};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::active_provider;
use tonic::Code;
use v1::confirm_party_mappings_request::Selection;

/// A provider with these vendors; `Acme` is in the registry already.
async fn vendors(control: &Control, tenant: &Tenant, records: &[(i64, &str)]) -> (String, String) {
    let provider = active_provider(&control.store, &tenant.scope, 7).await.id;
    let party = v1::Party { display_name: "ACME Inc.".to_owned(), ..Default::default() };
    let request = v1::CreatePartyRequest { party: Some(party), request_id: String::new(), ..Default::default() };
    let party = Clients::of(control, &tenant.write).parties.create_party(request).await.expect("a party").into_inner();
    control.fetched(&tenant.scope, provider, Subject::Vendor, records).await;
    (format!("providers/{provider}"), party.name)
}

fn choice(decision: v1::Decision, target: &str) -> Option<v1::Choice> {
    Some(v1::Choice { decision: decision.into(), target: target.to_owned(), on_lookalike: 0 })
}

fn row(parent: &str, record: i64, choice: Option<v1::Choice>, etag: &str) -> v1::ConfirmRow {
    v1::ConfirmRow { name: format!("{parent}/partyMappings/{record}"), choice, etag: etag.to_owned() }
}

fn confirm(parent: &str, selection: Selection, validate_only: bool) -> v1::ConfirmPartyMappingsRequest {
    let request_id = String::new();
    v1::ConfirmPartyMappingsRequest { parent: parent.to_owned(), selection: Some(selection), request_id, validate_only }
}

#[tokio::test]
async fn a_list_shows_what_the_filter_and_the_view_ask_for() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let (parent, party) = vendors(&control, &tenant, &[(1, "Acme"), (2, "Bolt & Sons"), (3, "Crane")]).await;
        let mut mappings = Clients::of(&control, &tenant.read).party_mappings;
        let request = v1::ListPartyMappingsRequest { parent: parent.clone(), ..Default::default() };
        let all = mappings.list_party_mappings(request.clone()).await.expect("a list").into_inner().mappings;
        assert_eq!(all.iter().map(|one| one.record_id).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((all[0].state(), all[0].suggestions[0].target.as_str()), (v1::MappingState::Suggested, party.as_str()));
        assert_eq!((all[1].state(), all[1].suggestions.len()), (v1::MappingState::Unmapped, 0));
        assert!(all[0].details.is_none() && all[0].name == format!("{parent}/partyMappings/1"));

        let filter = v1::MappingFilter {
            states: vec![v1::MappingState::Unmapped.into()],
            search: "BOLT".to_owned(),
            ..Default::default()
        };
        let view = v1::MappingView::Full.into();
        let some = v1::ListPartyMappingsRequest { filter: Some(filter), view, ..request.clone() };
        let some = mappings.list_party_mappings(some).await.expect("a list").into_inner().mappings;
        assert_eq!(some.iter().map(|one| one.record_id).collect::<Vec<_>>(), [2]);
        assert_eq!(some[0].details.as_ref().expect("details").phone, "805 555 0100");

        let counted =
            mappings.count_party_mappings(v1::CountPartyMappingsRequest { parent: parent.clone() }).await.expect("counts");
        let counted = counted.into_inner();
        let waiting: Vec<_> = counted.bands.iter().map(|one| (one.band(), one.waiting, one.decided)).collect();
        assert_eq!(waiting, [(v1::Band::Strong, 1, 0), (v1::Band::Likely, 0, 0), (v1::Band::Weak, 0, 0)]);
        let mut counts: Vec<_> = counted.counts.iter().map(|one| (one.state(), one.count)).collect();
        counts.sort();
        assert_eq!(counts, [(v1::MappingState::Unmapped, 2), (v1::MappingState::Suggested, 1)]);

        let filter = v1::MappingFilter { states: vec![2, 99], ..Default::default() };
        let refusal = mappings.list_party_mappings(v1::ListPartyMappingsRequest { filter: Some(filter), ..request }).await;
        assert_eq!(fields(&refusal.expect_err("no state")), ["filter.states[1]"]);
    })
    .await;
}

#[tokio::test]
async fn drafts_are_saved_all_or_none_and_answered_in_the_order_of_the_request() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let (parent, party) = vendors(&control, &tenant, &[(1, "Acme"), (2, "Bolt"), (3, "Crane")]).await;
        let mut mappings = Clients::of(&control, &tenant.write).party_mappings;
        let update = |record: i64, draft: Option<v1::Choice>, etag: &str| v1::DraftUpdate {
            name: format!("{parent}/partyMappings/{record}"),
            draft,
            etag: etag.to_owned(),
        };
        let save = |updates: Vec<v1::DraftUpdate>| v1::BatchUpdatePartyMappingsRequest {
            parent: parent.clone(),
            updates,
            request_id: String::new(),
        };
        let both = vec![update(3, choice(v1::Decision::Create, ""), ""), update(1, choice(v1::Decision::Match, &party), "")];
        let saved = mappings.batch_update_party_mappings(save(both)).await.expect("saved").into_inner().mappings;
        assert_eq!(saved.iter().map(|one| one.record_id).collect::<Vec<_>>(), [3, 1]);
        let draft = saved[0].draft.as_ref().expect("a draft");
        assert_eq!((draft.decision(), draft.on_lookalike()), (v1::Decision::Create, v1::OnLookalike::Create));
        assert_eq!(saved[1].draft.as_ref().expect("a draft").target, party);

        let stale = vec![update(2, choice(v1::Decision::DoNotAdd, ""), ""), update(3, None, "\"0\"")];
        let refusal = mappings.batch_update_party_mappings(save(stale)).await.expect_err("stale");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Aborted, "CHANGED_MEANWHILE"));
        let read = v1::GetPartyMappingRequest { name: format!("{parent}/partyMappings/2") };
        assert!(mappings.get_party_mapping(read).await.expect("a mapping").into_inner().draft.is_none());

        let unknown = vec![
            update(99, choice(v1::Decision::Create, ""), ""),
            update(1, choice(v1::Decision::Match, &format!("parties/{}", id())), ""),
        ];
        let refusal = mappings.batch_update_party_mappings(save(unknown)).await.expect_err("unknown");
        assert_eq!(fields(&refusal), ["updates[0].name", "updates[1].draft.target"]);
        let cleared = mappings.batch_update_party_mappings(save(vec![update(3, None, &saved[0].etag)])).await.expect("cleared");
        assert!(cleared.into_inner().mappings[0].draft.is_none());
    })
    .await;
}

#[tokio::test]
async fn rows_are_confirmed_with_one_job_for_what_has_to_be_linked() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let (parent, party) = vendors(&control, &tenant, &[(1, "Acme"), (2, "Bolt"), (3, "Crane")]).await;
        let mut clients = Clients::of(&control, &tenant.write);
        let rows = vec![
            row(&parent, 1, choice(v1::Decision::Match, &party), ""),
            row(&parent, 2, choice(v1::Decision::Create, ""), ""),
            row(&parent, 3, choice(v1::Decision::DoNotAdd, ""), ""),
        ];
        let rows = Selection::Rows(v1::ConfirmRows { rows });
        let planned = clients.party_mappings.confirm_party_mappings(confirm(&parent, rows.clone(), true)).await.expect("a plan");
        let planned = planned.into_inner();
        let plan = planned.plan.expect("a plan");
        assert_eq!((plan.links, plan.creates, plan.ignores, planned.job), (1, 1, 1, None));
        let read = |record: i64| v1::GetPartyMappingRequest { name: format!("{parent}/partyMappings/{record}") };
        let before = clients.party_mappings.get_party_mapping(read(3)).await.expect("a mapping").into_inner();
        assert_eq!(before.state(), v1::MappingState::Unmapped, "a plan changes nothing");

        let request = v1::ConfirmPartyMappingsRequest { request_id: id(), ..confirm(&parent, rows, false) };
        let first = clients.party_mappings.confirm_party_mappings(request.clone()).await.expect("confirmed").into_inner();
        let again = clients.party_mappings.confirm_party_mappings(request).await.expect("the same").into_inner();
        let job = first.job.expect("a link job");
        assert_eq!((job.kind.as_str(), &job.name), ("link_parties", &again.job.expect("the same job").name));
        let after = clients.party_mappings.get_party_mapping(read(3)).await.expect("a mapping").into_inner();
        assert_eq!(after.state(), v1::MappingState::Ignored);
        let confirmed = clients.party_mappings.get_party_mapping(read(2)).await.expect("a mapping").into_inner();
        assert_eq!(
            (confirmed.state(), confirmed.decision.expect("a decision").decision()),
            (v1::MappingState::Confirmed, v1::Decision::Create)
        );

        let taken = Selection::Rows(v1::ConfirmRows { rows: vec![row(&parent, 2, choice(v1::Decision::Create, ""), "")] });
        let refusal = clients.party_mappings.confirm_party_mappings(confirm(&parent, taken, false)).await.expect_err("taken");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::FailedPrecondition, "STATE_REFUSES"));
        let report =
            clients.providers.get_directory_report(v1::GetDirectoryReportRequest { name: parent }).await.expect("a report");
        let report = report.into_inner();
        let vendors = report.vendors.expect("vendors");
        assert_eq!((vendors.fetched, vendors.ignored, vendors.unmapped, report.adds_up), (3, 1, 2, true));
    })
    .await;
}

#[tokio::test]
async fn a_filter_is_confirmed_as_its_plan_was_seen() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let (parent, _) = vendors(&control, &tenant, &[(1, "Acme"), (2, "Bolt"), (3, "Crane")]).await;
        let mut mappings = Clients::of(&control, &tenant.write).party_mappings;
        let filtered = |plan_token: &str| {
            Selection::Filter(v1::ConfirmFilter {
                action: v1::confirm_filter::Action::AcceptSuggestions.into(),
                plan_token: plan_token.to_owned(),
                ..Default::default()
            })
        };
        let refusal = mappings.confirm_party_mappings(confirm(&parent, filtered(""), false)).await.expect_err("no plan");
        assert_eq!(fields(&refusal), ["filter.plan_token"]);
        let planned = mappings.confirm_party_mappings(confirm(&parent, filtered(""), true)).await.expect("a plan").into_inner();
        let plan = planned.plan.expect("a plan");
        assert_eq!((plan.links, plan.creates, plan.unchanged), (1, 0, 2));

        let ignore = Selection::Rows(v1::ConfirmRows { rows: vec![row(&parent, 1, choice(v1::Decision::DoNotAdd, ""), "")] });
        mappings.confirm_party_mappings(confirm(&parent, ignore, false)).await.expect("somebody else decided");
        let refusal = mappings.confirm_party_mappings(confirm(&parent, filtered(&plan.token), false)).await.expect_err("changed");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Aborted, "CHANGED_MEANWHILE"));

        let none = v1::ConfirmPartyMappingsRequest { parent: parent.clone(), ..Default::default() };
        assert_eq!(fields(&mappings.confirm_party_mappings(none).await.expect_err("nothing")), ["selection"]);
        let vague = Selection::Filter(v1::ConfirmFilter::default());
        let refusal = mappings.confirm_party_mappings(confirm(&parent, vague, false)).await.expect_err("vague");
        assert_eq!(fields(&refusal), ["filter.action", "filter.plan_token"]);
        let unknown = Selection::Rows(v1::ConfirmRows { rows: vec![row(&parent, 99, choice(v1::Decision::Create, ""), "")] });
        let refusal = mappings.confirm_party_mappings(confirm(&parent, unknown, false)).await.expect_err("unknown");
        assert_eq!(fields(&refusal), ["rows.rows[0].name"]);
    })
    .await;
}

#[tokio::test]
async fn projects_are_mapped_by_the_same_rules() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let provider = active_provider(&control.store, &tenant.scope, 7).await.id;
        let parent = format!("providers/{provider}");
        let mut clients = Clients::of(&control, &tenant.write);
        let project = v1::Project { display_name: "Tower A".to_owned(), ..Default::default() };
        let request = v1::CreateProjectRequest { project: Some(project), request_id: String::new(), ..Default::default() };
        let project = clients.projects.create_project(request).await.expect("a project").into_inner();
        control.fetched(&tenant.scope, provider, Subject::Project, &[(1, "TOWER A"), (2, "Bridge")]).await;

        let list = v1::ListProjectMappingsRequest { parent: parent.clone(), ..Default::default() };
        let listed = clients.project_mappings.list_project_mappings(list).await.expect("a list").into_inner().mappings;
        assert_eq!(listed[0].suggestions[0].target, project.name);
        let rows = vec![v1::ConfirmRow {
            name: format!("{parent}/projectMappings/1"),
            choice: choice(v1::Decision::Match, &project.name),
            etag: listed[0].etag.clone(),
        }];
        let selection = Some(v1::confirm_project_mappings_request::Selection::Rows(v1::ConfirmRows { rows }));
        let request = v1::ConfirmProjectMappingsRequest { parent: parent.clone(), selection, ..Default::default() };
        let confirmed = clients.project_mappings.confirm_project_mappings(request).await.expect("confirmed").into_inner();
        assert_eq!(confirmed.job.expect("a link job").kind, "link_projects");

        let party = vec![v1::DraftUpdate {
            name: format!("{parent}/projectMappings/2"),
            draft: choice(v1::Decision::Match, &project.name.replace("projects/", "parties/")),
            etag: String::new(),
        }];
        let request = v1::BatchUpdateProjectMappingsRequest { parent, updates: party, request_id: String::new() };
        let refusal = clients.project_mappings.batch_update_project_mappings(request).await.expect_err("a party is no project");
        assert_eq!(fields(&refusal), ["updates[0].draft.target"]);
    })
    .await;
}
