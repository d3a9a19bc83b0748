//! The least that would link: the rows that a link job writes, by statements that were written for nothing else, on one connection.
//!
//! It takes everybody for new (no look-alike is looked for), asks nobody for leave (no fence, no lock of the gate), counts nothing and
//! would not find its way back after a crash.

use crate::link::check;
use crate::place::Place;
use anyhow::Result;
use std::time::Instant;

/// Links of one transaction.
const CHUNK: usize = 5_000;

/// The vendors of a chunk, with ids for what comes of them: ascending, because indexes like that best.
const CHUNK_TABLE: &str =
    "create temporary table chunk (record_id bigint primary key, party_id {uuid}, link_id {uuid}, contact_id {uuid})";

const PICK: &str = "insert into chunk
    select record_id, {id:1}, {id:2}, {id:3} from mapping
    where provider_id = {provider} and subject = 'vendor' and state = 'confirmed' and record_id > {after} and record_id <= {to}
    order by record_id";

const PARTIES: &str = "insert into party (id, organization_id, name, name_search, party_type_id, compliance_profile_id, street, city, region,
        postal_code, country, phone, email, created_by_provider_id, created_at_ms, updated_at_ms)
    select c.party_id, r.organization_id, r.name, r.name_search, p.default_party_type_id, p.default_compliance_profile_id, r.street,
        r.city, r.region, r.postal_code, r.country, {json:phone}, {json:email}, p.id, {now}, {now}
    from chunk c join directory_record r on r.provider_id = {provider} and r.subject = 'vendor' and r.record_id = c.record_id
        join provider p on p.id = r.provider_id order by c.record_id";

const KEYS: &str = "insert into match_key (organization_id, subject, key, target_id)
    select r.organization_id, 'vendor', k.key, c.party_id
    from chunk c join directory_record r on r.provider_id = {provider} and r.subject = 'vendor' and r.record_id = c.record_id
        join record_key k on k.record_id = c.record_id
    order by k.key";

const LINKS: &str = "update mapping set state = 'linked', target_id = c.party_id, link_id = c.link_id, is_leading = true, synced_hash = r.content_hash,
        linked_at_ms = {now}, last_synced_at_ms = {now}, reason = null, reason_detail = '', revision = mapping.revision + 1,
        changed_at_ms = {now}
    from chunk c join directory_record r on r.provider_id = {provider} and r.subject = 'vendor' and r.record_id = c.record_id
    where mapping.provider_id = {provider} and mapping.subject = 'vendor' and mapping.record_id = c.record_id";

const CONTACTS: &str = "insert into contact (id, organization_id, party_id, name, email, phone, is_primary, active, provider_id, record_id,
        created_at_ms, updated_at_ms)
    select c.contact_id, r.organization_id, c.party_id, {contact:first_name} || ' ' || {contact:last_name}, {contact:email}, {contact:phone},
        true, true, r.provider_id, cast({contact:id} as bigint), {now}, {now}
    from chunk c join directory_record r on r.provider_id = {provider} and r.subject = 'vendor' and r.record_id = c.record_id
    order by c.record_id";

const ASSOCIATIONS: &str = "insert into association (party_id, project_id, organization_id, provider_id, created_at_ms)
    select c.party_id, p.target_id, a.organization_id, a.provider_id, {now}
    from chunk c join directory_association a on a.provider_id = {provider} and a.vendor_record_id = c.record_id
        join mapping p on p.provider_id = {provider} and p.subject = 'project' and p.record_id = a.project_record_id
    where p.state = 'linked' order by c.record_id";

/// The keys of each record: they are computed, not selected, so they are there before the clock runs.
const KEY_TABLE: &str = "create temporary table record_key (record_id bigint, key text, primary key (record_id, key))";

/// Keys of one statement.
const KEYS_AT_ONCE: usize = 5_000;

/// Links per second, with these keys of the records.
pub(crate) async fn linked(place: &Place, rows: usize, keys: &[(i64, String)]) -> Result<f64> {
    place.execute(&dialect(place, CHUNK_TABLE, 0)).await;
    place.execute(KEY_TABLE).await;
    for some in keys.chunks(KEYS_AT_ONCE) {
        let values: Vec<String> = some.iter().map(|(record, key)| format!("({record}, '{}')", key.replace('\'', "''"))).collect();
        place.execute(&format!("insert into record_key values {}", values.join(", "))).await;
    }
    place.analyze().await;
    let began = Instant::now();
    for from in (0..rows).step_by(CHUNK) {
        place.execute("begin").await;
        for sql in [PICK, PARTIES, KEYS, LINKS, CONTACTS, ASSOCIATIONS, "delete from chunk"] {
            place.execute(&dialect(place, sql, from)).await;
        }
        place.execute("commit").await;
    }
    let took = began.elapsed();
    check(place, rows).await?;
    Ok(rows as f64 / took.as_secs_f64())
}

/// Fills the words of one database in; the chunk is that after record `from`.
fn dialect(place: &Place, sql: &str, from: usize) -> String {
    let mut sql = sql.replace("{provider}", &place.id(place.provider.0)).replace("{now}", place.now());
    sql = sql.replace("{after}", &from.to_string()).replace("{to}", &(from + CHUNK).to_string());
    for kind in 1..=3 {
        // The number of the record behind the number of the kind: an id like any other, and each larger than the one before.
        let id = if place.is_sqlite() {
            format!("unhex(printf('%08x%024x', {kind}, record_id))")
        } else {
            format!("(lpad(to_hex({kind}), 8, '0') || lpad(to_hex(record_id), 24, '0'))::uuid")
        };
        sql = sql.replace(&format!("{{id:{kind}}}"), &id);
    }
    for field in ["phone", "email", "first_name", "last_name", "id"] {
        let (of_record, of_contact) = if place.is_sqlite() {
            (format!("r.details ->> '$.{field}'"), format!("(r.details ->> '$.primary_contact.{field}')"))
        } else {
            (format!("r.details::json ->> '{field}'"), format!("(r.details::json -> 'primary_contact' ->> '{field}')"))
        };
        sql = sql.replace(&format!("{{json:{field}}}"), &of_record).replace(&format!("{{contact:{field}}}"), &of_contact);
    }
    sql.replace("{uuid}", if place.is_sqlite() { "blob" } else { "uuid" })
}
