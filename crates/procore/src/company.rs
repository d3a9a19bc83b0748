//! Procore and one company in it: what jobs hold. The lists that a company has are in `list.rs`, what is written to it in
//! `insurance.rs`, how a single call is made in `call.rs`, and what rows mean in `wire.rs`.

use crate::address::base_url;
use crate::args::Args;
use crate::settings::Settings;
use crate::tally::Tally;
use crate::token::{Credential, Tokens};
use crate::transport::Transport;
use linkyard_core::Result;
use linkyard_core::budget::{Budget, BudgetKey};
use linkyard_core::id::CompanyId;
use linkyard_core::job::Lane;
use linkyard_core::provider::Credentials;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Procore, shared by a process: one HTTP client, one cache of tokens, one budget. Clones share all of it.
#[derive(Clone, Debug)]
pub struct Procore {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) tokens: Tokens,
    pub(crate) budget: Arc<dyn Budget>,
    pub(crate) api_url: Url,
    platform: Option<Credential>,
    pub(crate) vendors_per_page: u32,
    pub(crate) projects_per_page: u32,
    pub(crate) people_per_page: u32,
    pub(crate) insurances_per_page: u32,
}

/// One company through one credential. Clones count their calls together.
#[derive(Clone, Debug)]
pub struct Company {
    pub(crate) procore: Procore,
    /// `None`: the platform's, and none are configured.
    pub(crate) credential: Option<Credential>,
    pub(crate) key: BudgetKey,
    pub(crate) lane: Lane,
    pub(crate) tally: Arc<Tally>,
}

impl Procore {
    /// A client for the Procore that `args` name. Builds a TLS client: a rustls cryptography provider must be installed before.
    ///
    /// # Errors
    /// `Invalid` for a URL that may not be called or half a pair of credentials.
    pub fn new(args: &Args, budget: Arc<dyn Budget>) -> Result<Self> {
        let read_idle = Duration::from_millis(args.silence_ms);
        Self::with_settings(args, budget, Settings { read_idle, ..Settings::default() })
    }

    /// The same with other deadlines, for tests.
    ///
    /// # Errors
    /// As [`Procore::new`].
    #[doc(hidden)]
    pub fn with_settings(args: &Args, budget: Arc<dyn Budget>, settings: Settings) -> Result<Self> {
        let login_url = base_url("procore-login-url", &args.login_url, args.allow_private_hosts)?;
        let api_url = base_url("procore-api-url", &args.api_url, args.allow_private_hosts)?;
        let platform = args.platform()?.map(|(client_id, client_secret)| Credential { client_id, client_secret });
        let inner = Inner {
            transport: Transport::new(settings, args.allow_private_hosts)?,
            tokens: Tokens::new(&login_url),
            budget,
            api_url,
            platform,
            vendors_per_page: args.vendors_per_page.max(1),
            projects_per_page: args.projects_per_page.max(1),
            people_per_page: args.people_per_page.max(1),
            insurances_per_page: args.insurances_per_page.max(1),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whose budget calls to `company` through `credentials` spend.
    #[must_use]
    pub fn budget_key(&self, credentials: &Credentials, company: CompanyId) -> BudgetKey {
        let client_id = match credentials {
            Credentials::Platform => self.inner.platform.as_ref().map(|platform| platform.client_id.clone()).unwrap_or_default(),
            Credentials::Own { client_id, .. } => client_id.clone(),
        };
        BudgetKey { client_id, company }
    }

    /// `company` through `credentials`, for work in `lane`. Calls nobody yet.
    #[must_use]
    pub fn company(&self, credentials: &Credentials, company: CompanyId, lane: Lane) -> Company {
        let credential = match credentials {
            Credentials::Platform => self.inner.platform.clone(),
            Credentials::Own { client_id, client_secret } => {
                Some(Credential { client_id: client_id.clone(), client_secret: client_secret.clone() })
            }
        };
        let key = self.budget_key(credentials, company);
        Company { procore: self.clone(), credential, key, lane, tally: Arc::default() }
    }

    /// Whether the login host gives a token to the platform's own credentials; `false` when none are configured.
    ///
    /// # Errors
    /// `Unauthorized` when they are refused; `Throttled` and `Unavailable` when it can not be told now.
    pub async fn sign_in(&self) -> Result<bool> {
        let Some(platform) = &self.inner.platform else { return Ok(false) };
        self.inner.tokens.get(&self.inner, Lane::Person, platform, None).await.map(|_| true)
    }

    /// The budget that all calls ask.
    #[must_use]
    pub fn budget(&self) -> &Arc<dyn Budget> {
        &self.inner.budget
    }
}

impl Company {
    /// Calls to the API started through this value and its clones. Requests for tokens are not among them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.tally.made()
    }

    /// What the calls of this value and its clones come to; goes on counting.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        self.tally.clone()
    }
}
