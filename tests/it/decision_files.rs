//! Decision files over the API: out, through a spreadsheet, and back; what is refused as a whole, and what line by line.

use crate::control_kit::{fields, id, reason};
use crate::decision_files_kit::{Desk, refused, side, vendor};
use linkyard_core::decision_file::{LineReason, restored};
use linkyard_core::id::JobId;
use linkyard_core::job::JobState;
use linkyard_core::mapping::{Decision, MappingState, OnLookalike, Subject};
use linkyard_proto::v1;
use linkyard_tests::build::record;
use linkyard_tests::databases::each_kind;
use linkyard_tests::jobs::Bench;
use linkyard_tests::sheet::Sheet;
use tonic::Code;

fn job_id(answer: &v1::ImportPartyDecisionsResponse) -> JobId {
    let name = &answer.job.as_ref().expect("a job").name;
    name.strip_prefix("jobs/").and_then(|id| id.parse().ok()).expect("the name of a job")
}

fn record_of(sheet: &Sheet, row: usize) -> i64 {
    sheet.cell(row, "record_id").parse().expect("a number")
}

#[tokio::test]
async fn an_exported_mapping_is_decided_in_a_spreadsheet_and_comes_back_linked() {
    each_kind(async |databases| {
        let mut desk = Desk::at(Bench::fetched(&databases, 11, 5, 5).await).await;
        let before = Sheet::open(&desk.export(Subject::Vendor).await);
        let party = side(&desk.bench).party(before.cell(0, "name")).await;
        desk.bench.run(linkyard_core::job::JobKind::Suggest).await;
        let file = desk.export(Subject::Vendor).await;
        assert!(file.starts_with("\u{feff}\"mapping\"".as_bytes()), "spreadsheets know UTF-8 by it");
        let mut sheet = Sheet::open(&file);
        assert_eq!(sheet.rows.len(), 11);
        assert_eq!(sheet.cell(0, "suggestion"), format!("parties/{party}"));
        assert_eq!((sheet.cell(0, "suggestion_band"), sheet.cell(0, "state")), ("STRONG", "SUGGESTED"));
        let suggested = sheet.cell(0, "suggestion").to_owned();
        sheet.set(0, "decision", "MATCH");
        sheet.set(0, "target", suggested);
        sheet.set(1, "decision", "do not add");
        for row in 2..10 {
            sheet.set(row, "decision", "CREATE");
            sheet.set(row, "on_lookalike", "create");
        }
        let answer = desk.import(desk.start(true), &sheet.save()).await.expect("an import");
        desk.bench.settle().await;
        let job = desk.bench.job(job_id(&answer)).await;
        assert_eq!((job.state, job.counts.total, job.counts.succeeded, job.counts.skipped), (JobState::Succeeded, 11, 10, 1));
        let matched = vendor(&desk.bench, record_of(&sheet, 0)).await;
        assert_eq!((matched.state, matched.target.map(|(id, _)| id)), (MappingState::Linked, Some(party.into())));
        assert_eq!(vendor(&desk.bench, record_of(&sheet, 1)).await.state, MappingState::Ignored);
        assert_eq!(vendor(&desk.bench, record_of(&sheet, 5)).await.state, MappingState::Linked);
        assert_eq!(
            vendor(&desk.bench, record_of(&sheet, 10)).await.state,
            MappingState::Unmapped,
            "an empty decision leaves the row"
        );

        let again = desk.import(desk.start(true), &sheet.save()).await.expect("an import");
        desk.bench.settle().await;
        let job = desk.bench.job(job_id(&again)).await;
        assert_eq!((job.state, job.counts.skipped), (JobState::Succeeded, 11), "what is so already is no change");

        let untouched = desk.export(Subject::Vendor).await;
        let answer = desk.import(desk.start(true), &untouched).await.expect("an import");
        desk.bench.settle().await;
        assert_eq!(desk.bench.job(job_id(&answer)).await.counts.skipped, 11, "a file that nobody edited asks for nothing");
        assert_eq!(Sheet::open(&desk.export(Subject::Project).await).rows.len(), 5);
    })
    .await;
}

#[tokio::test]
async fn without_confirming_decisions_become_drafts_and_a_creation_holds_unless_it_says_otherwise() {
    each_kind(async |databases| {
        let mut desk = Desk::at(Bench::fetched(&databases, 4, 1, 5).await).await;
        let mut sheet = Sheet::open(&desk.export(Subject::Vendor).await);
        sheet.set(0, "decision", "CREATE");
        sheet.set(1, "decision", "CREATE");
        sheet.set(1, "on_lookalike", "CREATE");
        let file = sheet.save();
        let preview = v1::DecisionImport { validate_only: true, ..desk.start(false) };
        let preview = desk.import(preview, &file).await.expect("a preview");
        let counts = preview.preview.expect("a preview");
        assert_eq!((counts.lines, counts.applied, counts.creates, counts.unchanged, counts.refused), (4, 2, 2, 2, 0));
        assert!(preview.job.is_none());
        assert!(vendor(&desk.bench, record_of(&sheet, 0)).await.draft.is_none(), "a preview changes nothing");

        let request_id = id();
        let start = v1::DecisionImport { request_id, ..desk.start(false) };
        let first = desk.import(start.clone(), &file).await.expect("an import");
        let second = desk.import(start.clone(), &file).await.expect("the same import");
        assert_eq!(job_id(&first), job_id(&second), "the same request is the same job");
        let untouched = desk.export(Subject::Vendor).await;
        let other = desk.import(start, &untouched).await.expect_err("another file");
        assert_eq!(reason(&other), "REQUEST_ID_REUSED");
        desk.bench.settle().await;
        let draft = async |row| vendor(&desk.bench, record_of(&sheet, row)).await;
        let (held, made) = (draft(0).await, draft(1).await);
        assert_eq!((held.state, made.state), (MappingState::Unmapped, MappingState::Unmapped));
        let chosen = |draft: Option<linkyard_core::mapping::Choice>| draft.map(|choice| (choice.decision, choice.on_lookalike));
        assert_eq!(chosen(held.draft), Some((Decision::Create, OnLookalike::Hold)));
        assert_eq!(chosen(made.draft), Some((Decision::Create, OnLookalike::Create)));
    })
    .await;
}

#[tokio::test]
async fn cells_that_a_spreadsheet_would_run_leave_neutralised_and_come_back_as_they_were() {
    each_kind(async |databases| {
        let mut desk = Desk::at(Bench::tested(&databases, 1, 1, 5).await).await;
        let names = [
            "=cmd|' /C calc'!A0",
            "+1-1",
            "-2+3",
            "@SUM(A1:A9)",
            "\t=1",
            "\r=1",
            "'=1",
            "'t Hooft & \"Sons\", Inc.",
            "line\nbreak",
            "=HYPERLINK(\"http://evil\")",
        ];
        let records: Vec<_> = (1_i64..).zip(names).map(|(number, name)| record(number, name)).collect();
        side(&desk.bench).walk(Subject::Vendor, &records).await;
        let file = desk.export(Subject::Vendor).await;
        let mut sheet = Sheet::open(&file);
        assert_eq!(sheet.rows.len(), names.len());
        for row in &sheet.rows {
            assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{row:?}");
        }
        let restored: Vec<&str> = (0..names.len()).map(|row| restored(sheet.cell(row, "name"))).collect();
        assert_eq!(restored, names);
        sheet.drop_column("mapping");
        for row in 0..names.len() {
            sheet.set(row, "decision", "'=CREATE");
        }
        let preview = v1::DecisionImport { validate_only: true, ..desk.start(false) };
        let preview = desk.import(preview, &sheet.save()).await.expect("a preview").preview.expect("a preview");
        assert_eq!(preview.refused, 10);
        assert!(preview.refusals[0].reason_message.contains("`=CREATE`"), "{:?}", preview.refusals[0]);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_changed_since_the_export_is_told_and_not_written_over() {
    each_kind(async |databases| {
        let mut desk = Desk::at(Bench::fetched(&databases, 4, 1, 5).await).await;
        let mut sheet = Sheet::open(&desk.export(Subject::Vendor).await);
        let changed = record_of(&sheet, 1);
        let leave = linkyard_tests::build::leave_out();
        let draft = [(linkyard_core::id::RecordId(changed), Some(leave), None)];
        let (store, scope) = (desk.bench.store.clone(), desk.bench.scope.clone());
        store.mapping_drafts_save(&scope, desk.bench.provider, Subject::Vendor, &draft, None).await.expect("a draft");
        for row in 0..3 {
            sheet.set(row, "decision", "CREATE");
        }
        let answer = desk.import(desk.start(true), &sheet.save()).await.expect("an import");
        desk.bench.settle().await;
        let job = desk.bench.job(job_id(&answer)).await;
        assert_eq!((job.state, job.counts.succeeded, job.counts.failed), (JobState::Partial, 2, 1));
        assert_eq!(refused(&desk.bench, job.id).await, [(3, LineReason::Changed)]);
        let kept = vendor(&desk.bench, changed).await;
        assert_eq!((kept.state, kept.draft), (MappingState::Unmapped, Some(leave)));

        sheet.drop_column("version");
        let answer = desk.import(desk.start(true), &sheet.save()).await.expect("an import");
        desk.bench.settle().await;
        assert_eq!(desk.bench.job(job_id(&answer)).await.state, JobState::Succeeded);
        assert_eq!(
            vendor(&desk.bench, changed).await.state,
            MappingState::Linked,
            "without a version it is decided as it is now"
        );
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_wrong_as_a_whole_is_refused_with_everything_that_is_wrong() {
    each_kind(async |databases| {
        let mut desk = Desk::at(Bench::tested(&databases, 1, 1, 5).await).await;
        let refused = async |desk: &mut Desk, file: &[u8]| {
            let start = desk.start(false);
            let status = desk.import(start, file).await.expect_err("refused");
            assert_eq!(status.code(), Code::InvalidArgument);
            fields(&status).len()
        };
        assert_eq!(refused(&mut desk, b"").await, 1);
        assert_eq!(refused(&mut desk, b"name,target\nx,y\n").await, 2, "neither the record nor the decision");
        assert_eq!(refused(&mut desk, b"record_id,decision\n").await, 1, "no lines");
        assert_eq!(refused(&mut desk, b"record_id,record_id\n").await, 3);
        let mut many = b"record_id,decision\n".to_vec();
        many.extend(b"1,\n".repeat(200_001));
        let status = desk.import(desk.start(false), &many).await.expect_err("too many lines");
        assert!(status.message().contains("200000"), "{status:?}");
        let nameless = v1::DecisionImport { parent: "parties/1".to_owned(), on_lookalike: 9, ..Default::default() };
        let status = desk.import(nameless, b"").await.expect_err("no provider");
        assert_eq!(fields(&status), ["start.parent", "start.on_lookalike"]);
        let live = desk.bench.store.jobs_live().await.expect("a count");
        assert_eq!(live, 0, "no job was made");
    })
    .await;
}

#[tokio::test]
async fn a_line_names_only_what_is_its_organizations() {
    each_kind(async |databases| {
        let mut desk = Desk::at(Bench::fetched(&databases, 3, 1, 5).await).await;
        let foreign = linkyard_tests::build::Side::of(&desk.bench.store, "foreign", 77).await;
        let theirs = foreign.party("Acme").await;
        let mut sheet = Sheet::open(&desk.export(Subject::Vendor).await);
        sheet.set(0, "decision", "MATCH");
        sheet.set(0, "target", format!("parties/{theirs}"));
        sheet.set(1, "mapping", format!("providers/{}/partyMappings/1", foreign.provider));
        sheet.set(1, "decision", "CREATE");
        sheet.set(2, "mapping", "");
        sheet.set(2, "record_id", "12345");
        sheet.set(2, "decision", "CREATE");
        let answer = desk.import(desk.start(true), &sheet.save()).await.expect("an import");
        desk.bench.settle().await;
        let request = v1::ListImportRowsRequest {
            parent: answer.job.expect("a job").name,
            page_size: 2,
            outcomes: vec![v1::import_row::Outcome::Refused.into()],
            ..Default::default()
        };
        let first = desk.clients.jobs.list_import_rows(request.clone()).await.expect("rows").into_inner();
        let next = v1::ListImportRowsRequest { page_token: first.next_page_token, ..request };
        let second = desk.clients.jobs.list_import_rows(next).await.expect("rows").into_inner();
        let rows = first.rows.iter().chain(&second.rows).map(|row| (row.line, row.reason.as_str()));
        let expected = [(2, "TARGET_UNKNOWN"), (3, "MAPPING_UNKNOWN"), (4, "MAPPING_UNKNOWN")];
        assert_eq!(rows.collect::<Vec<_>>(), expected);
        assert_eq!(second.next_page_token, "");
    })
    .await;
}
