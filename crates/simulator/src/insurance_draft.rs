//! What a write of insurances would do, decided on the state and on the rows of the same call before it: which row is meant,
//! whether it may be written, and what it will be. Nothing changes here; the outcome becomes one event.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::directory::Company;
use crate::insurance::{Holder, Insurance};
use crate::insurance_form::{Problems, fill, problem};

/// What a sync says of an id that names nothing.
pub(crate) const UNKNOWN_ID: &str = "Entity with this ID not found";

/// Rows that a call is about to write.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    company: &'a Company,
    holder: Holder,
    rows: Vec<Insurance>,
    by_id: HashMap<u64, usize>,
    /// `origin_id`s that rows of this call took or gave up.
    origins: HashMap<Box<str>, Option<u64>>,
    made: usize,
}

/// Why a row cannot be written.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The row, or the vendor it is for, does not exist: a 404.
    Missing(&'static str),
    /// The row exists, but what was sent is not valid: a 422.
    Invalid(Problems),
}

impl From<Problems> for Refusal {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

impl Refusal {
    /// As a row of a sync says it.
    pub(crate) fn problems(self) -> Problems {
        match self {
            Self::Missing(field) => problem(field, UNKNOWN_ID),
            Self::Invalid(problems) => problems,
        }
    }
}

impl<'a> Draft<'a> {
    /// Nothing yet.
    pub(crate) fn new(company: &'a Company, holder: Holder) -> Self {
        Self { company, holder, rows: Vec::new(), by_id: HashMap::new(), origins: HashMap::new(), made: 0 }
    }

    /// The rows as they will be, each once.
    pub(crate) fn into_rows(self) -> Vec<Insurance> {
        self.rows
    }

    /// Makes a row. Procore e-mails about expiry unless told otherwise.
    pub(crate) fn create(&mut self, sent: &Map<String, Value>) -> Result<&Insurance, Refusal> {
        let row = Insurance {
            id: self.company.insurances.next_id(self.made),
            project_id: self.holder.project_id(),
            notifications: true,
            ..Insurance::default()
        };
        let at = self.write(row, sent, true)?;
        self.made += 1;
        Ok(&self.rows[at])
    }

    /// Changes a row of the holder.
    pub(crate) fn update(&mut self, id: u64, sent: &Map<String, Value>, vendor_required: bool) -> Result<&Insurance, Refusal> {
        let row = self.get(id).filter(|row| self.holder.holds(row)).ok_or(Refusal::Missing("id"))?.clone();
        let at = self.write(row, sent, vendor_required)?;
        Ok(&self.rows[at])
    }

    /// One row of a sync: an id must be there, an `origin_id` may be, neither makes a new row.
    pub(crate) fn sync(&mut self, sent: &Map<String, Value>) -> Result<&Insurance, Problems> {
        let origin_id = sent.get("origin_id").and_then(Value::as_str).filter(|origin_id| !origin_id.is_empty());
        let outcome = match (sent.get("id").filter(|id| !id.is_null()), origin_id) {
            (Some(id), _) => match id.as_u64() {
                Some(id) => self.update(id, sent, false),
                None => Err(Refusal::Missing("id")),
            },
            (None, Some(origin_id)) => match self.with_origin(origin_id) {
                Some(row) if self.holder.holds(row) => {
                    let id = row.id;
                    self.update(id, sent, false)
                }
                Some(_) => Err(taken().into()),
                None => self.create(sent),
            },
            (None, None) => self.create(sent),
        };
        outcome.map_err(Refusal::problems)
    }

    /// Takes a row as it will be; answers with its place.
    fn write(&mut self, mut row: Insurance, sent: &Map<String, Value>, vendor_required: bool) -> Result<usize, Refusal> {
        let former_origin = row.origin_id.clone();
        row.vendor_id = self.vendor_id(&row, sent, vendor_required)?;
        fill(&mut row, sent)?;
        if row.origin_id != former_origin {
            if row.origin_id.as_deref().is_some_and(|origin_id| self.with_origin(origin_id).is_some()) {
                return Err(taken().into());
            }
            if let Some(former) = former_origin {
                self.origins.insert(former, None);
            }
            if let Some(origin_id) = &row.origin_id {
                self.origins.insert(origin_id.clone(), Some(row.id));
            }
        }
        if let Some(at) = self.by_id.get(&row.id) {
            self.rows[*at] = row;
            return Ok(*at);
        }
        let at = self.rows.len();
        self.by_id.insert(row.id, at);
        self.rows.push(row);
        Ok(at)
    }

    /// The vendor that the row will belong to: the path's, else the one sent, else the one it has.
    fn vendor_id(&self, row: &Insurance, sent: &Map<String, Value>, required: bool) -> Result<u64, Refusal> {
        if let Some(vendor_id) = self.holder.vendor_id() {
            return Ok(vendor_id);
        }
        match sent.get("vendor_id").filter(|id| !id.is_null()) {
            None if required => Err(problem("vendor_id", "is required").into()),
            None => Ok(row.vendor_id),
            Some(value) => {
                let id = value.as_u64().ok_or_else(|| problem("vendor_id", "is not an integer"))?;
                let position = self.company.vendor_position(id).ok_or(Refusal::Missing("vendor_id"))?;
                if self.company.vendor(position).exists() { Ok(id) } else { Err(Refusal::Missing("vendor_id")) }
            }
        }
    }

    fn get(&self, id: u64) -> Option<&Insurance> {
        self.by_id.get(&id).map(|at| &self.rows[*at]).or_else(|| self.company.insurances.get(id))
    }

    fn with_origin(&self, origin_id: &str) -> Option<&Insurance> {
        match self.origins.get(origin_id) {
            Some(id) => id.and_then(|id| self.get(id)),
            None => self.company.insurances.with_origin(origin_id),
        }
    }
}

fn taken() -> Problems {
    problem("origin_id", "has already been taken")
}
