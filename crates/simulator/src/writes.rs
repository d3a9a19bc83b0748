//! From an admitted write to its endpoint. Each endpoint works inside one transaction.

use crate::api::Caller;
use crate::insurances;
use crate::reply::Reply;
use crate::route::Write;
use crate::transaction::Transaction;
use crate::vendor_writes;

/// Answers a write.
pub(crate) fn answer(transaction: &mut Transaction<'_>, caller: Caller<'_>, write: Write) -> Reply {
    let outcome = match write {
        Write::Insurance(scope, change) => insurances::write(transaction, caller, scope, change),
        Write::VendorCreate => vendor_writes::create(transaction, caller, None),
        Write::VendorUpdate => vendor_writes::update(transaction, caller),
        Write::VendorSync => vendor_writes::sync(transaction, caller),
        Write::VendorReactivate => vendor_writes::reactivate(transaction, caller),
        Write::RegisterCreate => vendor_writes::register(transaction, caller, true),
        Write::RegisterUpdate => vendor_writes::register(transaction, caller, false),
        Write::ProjectVendorCreate => vendor_writes::create(transaction, caller, Some(caller.route.ids[0])),
        Write::ProjectVendorUpdate => vendor_writes::update_in_project(transaction, caller),
        Write::ProjectVendorAdd => vendor_writes::join(transaction, caller),
        Write::ProjectVendorRemove => vendor_writes::leave(transaction, caller),
    };
    match outcome {
        Ok(reply) | Err(reply) => reply,
    }
}
