//! What jobs brought about, as a case looks at it. `state` and its parts have no ids of ours and no times, so that equal states are equal.

use super::{Bench, COMPANY};
use crate::sheet::Sheet;
use linkyard_control::Service;
use linkyard_core::decision_file::write_header;
use linkyard_core::mapping::{Mapping, MappingFilter, MappingView, Subject};
use linkyard_core::page::PageRequest;
use linkyard_store::{InsuranceFilter, InsuranceLine, RegistryFilter};
use serde_json::{Value, json};
use std::sync::Arc;

impl Bench {
    /// Everything that the jobs are to bring about, without ids of ours and times: equal states are equal values.
    pub async fn state(&self) -> Value {
        let provider = self.store.provider_get(&self.scope, self.provider).await.expect("the provider");
        let mut lists = serde_json::Map::new();
        for subject in Subject::ALL {
            let buckets = self.store.directory_report(&self.scope, self.provider, subject).await.expect("a report");
            let rows: Vec<Value> = self.mappings(subject).await.iter().map(shown).collect();
            lists.insert(subject.as_str().to_owned(), json!({ "buckets": buckets, "rows": rows }));
        }
        json!({
            "provider": { "state": provider.state.as_str(), "visible": provider.visible },
            "directory": lists,
            "parties": self.parties().await,
            "contacts": self.contacts().await,
            "projects": self.projects().await,
            "insurances": self.insurances().await,
        })
    }

    /// The vendors or projects as a decision file.
    pub async fn export(&self, subject: Subject) -> Sheet {
        let service = Service::new(self.store.clone(), Arc::new(|| {}), None, true);
        let mut file = Vec::new();
        write_header(&mut file);
        let mut after = None;
        loop {
            let filter = MappingFilter::default();
            let page = service.mapping_export(&self.scope, self.provider, subject, &filter, after).await.expect("a page");
            file.extend_from_slice(&page.0);
            after = page.1;
            if after.is_none() {
                return Sheet::open(&file);
            }
        }
    }

    /// The lines of the provider, as the store lists them.
    pub async fn lines(&self) -> Vec<InsuranceLine> {
        let page = PageRequest { size: 100_000, after: None };
        let list = self.store.insurance_list(&self.scope, self.provider, &InsuranceFilter::default(), &page).await;
        list.expect("the lines").rows
    }

    /// The insurances that the directory has, without ids: vendor, who marked it, and what it says.
    pub async fn insurances(&self) -> Vec<String> {
        let url = format!("{}/admin/companies/{COMPANY}/directory?resource=insurances", self.simulator.url());
        let text = self.admin.get(url).send().await.expect("an answer").text().await.expect("a body");
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let shown = |row: Value| {
            let ours = row["origin_id"].as_str().is_some_and(|mark| mark.starts_with("linkyard:"));
            let says = ["vendor_id", "insurance_type", "insurance_provider", "limit", "expiration_date", "status", "notes"];
            let says: Vec<String> = says.iter().map(|field| row[*field].to_string()).collect();
            format!(
                "{} {} notifies {}",
                if ours { "ours" } else { "foreign" },
                says.join(" "),
                row["enable_expired_insurance_notifications"]
            )
        };
        sorted(rows.filter(|row| row["gone"] != json!(true)).map(shown).collect())
    }

    /// Every contact with its party, `*` the primary one, `-` inactive.
    pub async fn contacts(&self) -> Vec<String> {
        let page = PageRequest { size: 100_000, after: None };
        let parties = self.store.party_list(&self.scope, &RegistryFilter::default(), &page).await.expect("the parties").rows;
        let mut contacts = Vec::new();
        for party in parties {
            let list = self.store.contact_list(&self.scope, party.id, &page).await.expect("the contacts").rows;
            contacts.extend(list.iter().map(|contact| {
                let marks = (if contact.primary { "*" } else { "" }, if contact.active { "" } else { "-" });
                let follows = contact.follows.map(|(_, record)| record);
                let parts = (&contact.email, &contact.phone, &contact.job_title);
                format!("{:?}: {}{}{} {parts:?} {follows:?}", party.name, marks.0, marks.1, contact.name)
            }));
        }
        sorted(contacts)
    }

    pub(super) async fn mappings(&self, subject: Subject) -> Vec<Mapping> {
        let filter = MappingFilter::default();
        let page = PageRequest { size: 100_000, after: None };
        let list = self.store.mapping_list(&self.scope, self.provider, subject, &filter, MappingView::FULL, &page).await;
        list.expect("the mappings").rows
    }

    async fn parties(&self) -> Vec<String> {
        let page = PageRequest { size: 100_000, after: None };
        let list = self.store.party_list(&self.scope, &RegistryFilter::default(), &page).await.expect("the parties");
        let shown = |party: linkyard_core::registry::Party| {
            let records: Vec<_> = party.marks.iter().map(|mark| mark.record).collect();
            format!("{:?} {:?} {:?} {records:?} {}", party.name, party.address, party.phone, party.project_count)
        };
        sorted(list.rows.into_iter().map(shown).collect())
    }

    async fn projects(&self) -> Vec<String> {
        let page = PageRequest { size: 100_000, after: None };
        let list = self.store.project_list(&self.scope, &RegistryFilter::default(), &page).await.expect("the projects");
        let shown = |project: linkyard_core::registry::Project| {
            let records: Vec<_> = project.marks.iter().map(|mark| mark.record).collect();
            format!("{:?} {:?} {:?} {records:?} {}", project.name, project.number, project.address, project.party_count)
        };
        sorted(list.rows.into_iter().map(shown).collect())
    }
}

fn shown(mapping: &Mapping) -> Value {
    let suggestions = mapping.suggestions.iter().map(|suggestion| (&suggestion.target_name, suggestion.band));
    json!({
        "record": mapping.record,
        "name": mapping.name,
        "address": mapping.address,
        "details": mapping.details,
        "active": mapping.active,
        "exclusion": mapping.exclusion,
        "state": mapping.state,
        "target": mapping.target.as_ref().map(|(_, name)| name),
        "reason": mapping.reason,
        "suggestions": suggestions.collect::<Vec<_>>(),
        "synced": mapping.last_synced_at_ms.is_some(),
    })
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}
