//! Postal addresses on the command line.

use clap::Args;
use linkyard_proto::v1::Address;

/// Where something is. A part that is left out is not known.
#[derive(Clone, Debug, Args)]
pub(crate) struct AddressArgs {
    /// Street and number.
    #[arg(long, default_value = "", hide_default_value = true)]
    street: String,

    /// City.
    #[arg(long, default_value = "", hide_default_value = true)]
    city: String,

    /// State, region or province code.
    #[arg(long, default_value = "", hide_default_value = true)]
    region: String,

    /// Postal code.
    #[arg(long, default_value = "", hide_default_value = true)]
    postal_code: String,

    /// ISO 3166 alpha-2 country code.
    #[arg(long, default_value = "", hide_default_value = true)]
    country: String,
}

impl AddressArgs {
    /// The address as the API has it.
    pub(crate) fn address(&self) -> Address {
        Address {
            street: self.street.clone(),
            city: self.city.clone(),
            region: self.region.clone(),
            postal_code: self.postal_code.clone(),
            country: self.country.clone(),
        }
    }
}

/// City and region for a table, or a dash.
pub(crate) fn place(address: Option<&Address>) -> String {
    let parts = address.map(|address| [address.city.as_str(), address.region.as_str()]).unwrap_or_default();
    let known: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if known.is_empty() { "-".to_owned() } else { known.join(", ") }
}
