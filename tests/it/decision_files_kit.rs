//! What the cases about decision files share: a bench with the API on its store, files sent and fetched by it, and what became of lines.

use crate::control_kit::Clients;
use linkyard_core::decision_file::{ImportOptions, ImportedRow, LineReason, RowOutcome};
use linkyard_core::id::{JobId, RecordId};
use linkyard_core::mapping::{Mapping, OnLookalike, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_proto::v1;
use linkyard_store::ImportFilter;
use linkyard_tests::build::Side;
use linkyard_tests::control::Control;
use linkyard_tests::jobs::Bench;
use tonic::Status;

/// The API on the store of a bench.
pub(crate) struct Desk {
    pub(crate) bench: Bench,
    pub(crate) clients: Clients,
    _control: Control,
}

impl Desk {
    pub(crate) async fn at(bench: Bench) -> Self {
        let control = Control::start(bench.store.clone()).await;
        let key = control.key(&bench.scope, Access::Write).await;
        Self { clients: Clients::of(&control, &key), bench, _control: control }
    }

    /// The name of the provider.
    pub(crate) fn parent(&self) -> String {
        format!("providers/{}", self.bench.provider)
    }

    /// The whole export of one side.
    pub(crate) async fn export(&mut self, subject: Subject) -> Vec<u8> {
        let parent = self.parent();
        let mut file = Vec::new();
        match subject {
            Subject::Vendor => {
                let request = v1::ExportPartyMappingsRequest { parent, byte_order_mark: true, ..Default::default() };
                let mut pieces =
                    self.clients.party_mappings.export_party_mappings(request).await.expect("an export").into_inner();
                while let Some(piece) = pieces.message().await.expect("a piece") {
                    file.extend(piece.csv);
                }
            }
            Subject::Project => {
                let request = v1::ExportProjectMappingsRequest { parent, ..Default::default() };
                let answer = self.clients.project_mappings.export_project_mappings(request).await;
                let mut pieces = answer.expect("an export").into_inner();
                while let Some(piece) = pieces.message().await.expect("a piece") {
                    file.extend(piece.csv);
                }
            }
        }
        file
    }

    /// Sends a file about vendors in pieces of 1,000 bytes.
    pub(crate) async fn import(
        &mut self,
        start: v1::DecisionImport,
        file: &[u8],
    ) -> Result<v1::ImportPartyDecisionsResponse, Status> {
        use v1::import_party_decisions_request::Part;
        let parts: Vec<Part> =
            std::iter::once(Part::Start(start)).chain(file.chunks(1_000).map(|piece| Part::Csv(piece.to_vec()))).collect();
        let messages = parts.into_iter().map(|part| v1::ImportPartyDecisionsRequest { part: Some(part) });
        let messages = tokio_stream::iter(messages.collect::<Vec<_>>());
        self.clients.party_mappings.import_party_decisions(messages).await.map(tonic::Response::into_inner)
    }

    /// The beginning of an import.
    pub(crate) fn start(&self, confirm: bool) -> v1::DecisionImport {
        v1::DecisionImport { parent: self.parent(), confirm, ..Default::default() }
    }
}

/// The side of a bench.
pub(crate) fn side(bench: &Bench) -> Side {
    Side { store: bench.store.clone(), scope: bench.scope.clone(), provider: bench.provider }
}

/// Vendors, with creations that hold.
pub(crate) fn vendors(confirm: bool) -> ImportOptions {
    ImportOptions { subject: Subject::Vendor, confirm, on_lookalike: OnLookalike::Hold }
}

/// Every line of an import.
pub(crate) async fn rows(bench: &Bench, job: JobId, outcomes: &[RowOutcome]) -> Vec<ImportedRow> {
    let filter = ImportFilter { outcomes: outcomes.to_vec() };
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { size: 1_000, after };
        let page = bench.store.import_rows(&bench.scope, job, &filter, &page).await.expect("rows");
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

/// Line and reason of every line that was refused.
pub(crate) async fn refused(bench: &Bench, job: JobId) -> Vec<(u64, LineReason)> {
    let refused = rows(bench, job, &[RowOutcome::Refused]).await;
    refused.into_iter().map(|row| (row.line, row.reason.expect("a reason"))).collect()
}

/// A vendor's mapping.
pub(crate) async fn vendor(bench: &Bench, record: i64) -> Mapping {
    let mapping = bench.store.mapping_get(&bench.scope, bench.provider, Subject::Vendor, RecordId(record)).await;
    mapping.expect("a mapping")
}
