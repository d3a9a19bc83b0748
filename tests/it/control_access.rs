//! Who may call what: keys and their access.

use crate::control_kit::{Clients, call, fields, reason};
use linkyard_control::{METHODS, Need};
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_proto::v1;
use linkyard_tests::control::{Control, Key, settings};
use linkyard_tests::databases::each_database;
use tonic::Code;

#[tokio::test]
async fn without_a_right_key_no_method_answers() {
    each_database(async |store| {
        let control = Control::start(store).await;
        control.tenant("Alpha").await;
        for (method, _) in METHODS {
            let refusal = call(control.keyed(&Key::none()), method, Vec::new()).await.expect_err(method);
            assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Unauthenticated, "API_KEY_MISSING"), "{method}");
        }
        for wrong in ["ly_live_unknown", "x", "ly_"] {
            let refusal = call(control.keyed(&Key::new(wrong)), METHODS[0].0, Vec::new()).await.expect_err(wrong);
            assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Unauthenticated, "API_KEY_INVALID"), "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_opens_what_its_access_reaches_and_nothing_above() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let keys = [(Access::Read, &tenant.read), (Access::Write, &tenant.write), (Access::Operator, &tenant.operator)];
        for (access, key) in keys {
            let channel = control.keyed(key);
            for (method, need) in METHODS {
                let Need::Key(needed) = need else { panic!("{method} needs no key") };
                let answer = call(channel.clone(), method, Vec::new()).await;
                let refused =
                    answer.is_err_and(|status| status.code() == Code::PermissionDenied && reason(&status) == "ACCESS_TOO_LOW");
                assert_eq!(refused, access < needed, "{method} with a {} key", access.as_str());
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_method_that_nobody_knows_is_unimplemented() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        for method in ["linkyard.v1.JobService/DropJob", "linkyard.v9.JobService/GetJob"] {
            let refusal = call(control.keyed(&tenant.operator), method, Vec::new()).await.expect_err(method);
            assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::Unimplemented, "METHOD_UNKNOWN"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_where_it_was_revoked() {
    each_database(async |store| {
        let mut settings = settings();
        settings.trust_keys = std::time::Duration::from_secs(600);
        let control = Control::start_with(store, settings).await;
        let tenant = control.tenant("Alpha").await;
        let mut clients = Clients::of(&control, &tenant.write);
        let form = v1::ApiKey { display_name: "CI".to_owned(), access: v1::Access::Read.into(), ..Default::default() };
        let made = clients
            .organizations
            .create_api_key(v1::CreateApiKeyRequest { api_key: Some(form), ..Default::default() })
            .await
            .expect("a key");
        let made = made.into_inner();
        let mut other = Clients::of(&control, &Key::new(&made.secret)).organizations;
        let seen = other.get_organization(v1::GetOrganizationRequest {}).await.expect("the new key opens").into_inner();
        assert_eq!((seen.display_name.as_str(), seen.access()), ("Alpha", v1::Access::Read));

        let name = made.api_key.expect("the key").name;
        clients
            .organizations
            .revoke_api_key(v1::RevokeApiKeyRequest { name: name.clone(), ..Default::default() })
            .await
            .expect("revoked");
        let refusal = other.get_organization(v1::GetOrganizationRequest {}).await.expect_err("revoked");
        assert_eq!(reason(&refusal), "API_KEY_INVALID");
        let listed = clients.organizations.list_api_keys(v1::ListApiKeysRequest::default()).await.expect("a list").into_inner();
        let revoked = listed.api_keys.iter().find(|key| key.name == name).expect("still listed");
        assert!(revoked.revoke_time.is_some() && !format!("{listed:?}").contains(&made.secret));
    })
    .await;
}

#[tokio::test]
async fn a_key_that_was_revoked_by_another_process_is_soon_refused() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let mut organizations = Clients::of(&control, &tenant.read).organizations;
        organizations.get_organization(v1::GetOrganizationRequest {}).await.expect("the key opens");
        let keys = control.store.api_key_list(&tenant.scope, &PageRequest { size: 10, after: None }).await.expect("keys").rows;
        let read = keys.iter().find(|key| key.access == Access::Read).expect("the key");
        control.store.api_key_revoke(&tenant.scope, read.id, None).await.expect("revoked");
        let refusal = loop {
            if let Err(refusal) = organizations.get_organization(v1::GetOrganizationRequest {}).await {
                break refusal;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(reason(&refusal), "API_KEY_INVALID");
    })
    .await;
}

#[tokio::test]
async fn a_key_makes_no_key_above_itself() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let form = |access: i32| v1::CreateApiKeyRequest {
            api_key: Some(v1::ApiKey { display_name: "more".to_owned(), access, ..Default::default() }),
            ..Default::default()
        };
        let mut writer = Clients::of(&control, &tenant.write).organizations;
        let refusal = writer.create_api_key(form(v1::Access::Operator.into())).await.expect_err("above");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::PermissionDenied, "FORBIDDEN"));
        let refusal = writer.create_api_key(v1::CreateApiKeyRequest::default()).await.expect_err("empty");
        assert_eq!(fields(&refusal), ["api_key.display_name", "api_key.access"]);
        let mut operator = Clients::of(&control, &tenant.operator).organizations;
        operator.create_api_key(form(v1::Access::Operator.into())).await.expect("its own access");
    })
    .await;
}

#[tokio::test]
async fn an_operator_makes_an_organization_with_a_key_for_it_alone() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let organization = v1::Organization { display_name: "Beta".to_owned(), ..Default::default() };
        let request = v1::CreateOrganizationRequest { organization: Some(organization), ..Default::default() };
        let mut operator = Clients::of(&control, &tenant.operator).organizations;
        let made = operator.create_organization(request).await.expect("made").into_inner();
        let mut inside = Clients::of(&control, &Key::new(&made.api_key_secret)).organizations;
        let seen = inside.get_organization(v1::GetOrganizationRequest {}).await.expect("its key opens it").into_inner();
        assert_eq!((seen.display_name.as_str(), seen.time_zone.as_str(), seen.access()), ("Beta", "UTC", v1::Access::Write));
        assert_ne!(seen.name, format!("organizations/{}", tenant.scope.organization));
        let zone = v1::Organization { display_name: String::new(), time_zone: "a b".to_owned(), ..Default::default() };
        let refusal =
            operator.create_organization(v1::CreateOrganizationRequest { organization: Some(zone), ..Default::default() }).await;
        assert_eq!(fields(&refusal.expect_err("no name")), ["organization.display_name"]);
    })
    .await;
}

#[tokio::test]
async fn a_foreign_id_inside_of_a_request_is_a_violation() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let (alpha, beta) = (control.tenant("Alpha").await, control.tenant("Beta").await);
        let mut clients = Clients::of(&control, &beta.write);
        let theirs = control.store.party_types(&alpha.scope).await.expect("party types")[0].id;
        let party_type = format!("partyTypes/{theirs}");
        let party = v1::Party { display_name: "Acme".to_owned(), party_type: party_type.clone(), ..Default::default() };
        let request = v1::CreatePartyRequest { party: Some(party.clone()), request_id: String::new(), ..Default::default() };
        assert_eq!(fields(&clients.parties.create_party(request).await.expect_err("foreign")), ["party.party_type"]);
        let request = v1::BatchCreatePartiesRequest { parties: vec![party], request_id: String::new(), ..Default::default() };
        assert_eq!(fields(&clients.parties.batch_create_parties(request).await.expect_err("foreign")), ["parties[0].party_type"]);

        let own = control.store.compliance_profiles(&beta.scope).await.expect("profiles")[0].id;
        let provider = v1::Provider {
            display_name: "Procore".to_owned(),
            company_id: "7".to_owned(),
            default_party_type: party_type,
            default_compliance_profile: format!("complianceProfiles/{own}"),
            ..Default::default()
        };
        let request = v1::CreateProviderRequest { provider: Some(provider), ..Default::default() };
        assert_eq!(
            fields(&clients.providers.create_provider(request).await.expect_err("foreign")),
            ["provider.default_party_type"]
        );
    })
    .await;
}
