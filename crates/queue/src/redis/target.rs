//! Where Redis is: one server, whichever server Sentinels name as master, or the node of a cluster that has our keys.
//!
//! Every key of ours has the same hash tag, so a cluster is one node to us: the one that answers instead of redirecting. That and a
//! Sentinel's word are looked up again for every new connection, so after a failover a broken connection is all it takes to move on.

use linkyard_core::{Error, Result};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo, RedisError, RedisResult,
};
use std::time::Duration;

/// How long a connection, with its handshake and its first answer, may take.
pub(super) const OPEN_WITHIN: Duration = Duration::from_secs(2);
/// A cluster redirects once; more than this is a cluster that does not agree with itself.
const MOST_REDIRECTS: usize = 3;
const SENTINEL_PORT: u16 = 26_379;

/// Where to look for Redis.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// One server, or any node of a cluster.
    Server(ConnectionInfo),
    /// Sentinels that know the master.
    Sentinels {
        /// Each as the address of a Redis that speaks for itself: no credentials, no database.
        sentinels: Vec<ConnectionInfo>,
        /// The name of the master.
        master: String,
        /// How to open the master; its address is a Sentinel's until it is known.
        template: ConnectionInfo,
    },
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// `Invalid`, never with the address itself: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self> {
        for (scheme, plain) in [("redis+sentinel://", "redis://"), ("rediss+sentinel://", "rediss://")] {
            if let Some(rest) = url.strip_prefix(scheme) {
                return sentinels(plain, rest);
            }
        }
        url.into_connection_info().map(Self::Server).map_err(|_| invalid())
    }

    /// Opens a connection to the server that has `key` and takes writes.
    ///
    /// # Errors
    /// Redis' own.
    pub(super) async fn open(&self, key: &str, response_within: Option<Duration>) -> RedisResult<MultiplexedConnection> {
        let mut info = match self {
            Self::Server(info) => info.clone(),
            Self::Sentinels { sentinels, master, template } => {
                let (host, port) = master_of(sentinels, master).await?;
                template.clone().set_addr(moved(template.addr(), host, port))
            }
        };
        for _ in 0..=MOST_REDIRECTS {
            let mut connection = open_one(&info, response_within).await?;
            let mut probe = redis::cmd("EXISTS");
            match within(probe.arg(key).query_async::<i64>(&mut connection)).await {
                Ok(_) => return Ok(connection),
                Err(error) => match redirect(&error) {
                    Some((host, port)) => info = info.clone().set_addr(moved(info.addr(), host, port)),
                    None => return Err(error),
                },
            }
        }
        Err((ErrorKind::Client, "the cluster redirects in a circle").into())
    }
}

async fn open_one(info: &ConnectionInfo, response_within: Option<Duration>) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(OPEN_WITHIN)).set_response_timeout(response_within);
    let client = Client::open(info.clone())?;
    within(client.get_multiplexed_async_connection_with_config(&config)).await
}

async fn within<T>(work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let result = tokio::time::timeout(OPEN_WITHIN, work).await;
    result.unwrap_or_else(|_| Err((ErrorKind::Io, "no answer in time").into()))
}

/// Asks the Sentinels one after the other.
async fn master_of(sentinels: &[ConnectionInfo], master: &str) -> RedisResult<(String, u16)> {
    let mut last: RedisError = (ErrorKind::Client, "no Sentinel is named").into();
    for sentinel in sentinels {
        let asked = async {
            let mut connection = open_one(sentinel, Some(OPEN_WITHIN)).await?;
            let mut ask = redis::cmd("SENTINEL");
            ask.arg("get-master-addr-by-name").arg(master).query_async::<Option<(String, u16)>>(&mut connection).await
        };
        match asked.await {
            Ok(Some(address)) => return Ok(address),
            Ok(None) => last = (ErrorKind::Client, "the Sentinel does not know this master").into(),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Where a cluster says that our keys are.
fn redirect(error: &RedisError) -> Option<(String, u16)> {
    let (address, _) = error.redirect_node()?;
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port.parse().ok()?))
}

/// The same kind of address at another place. A redirect without a host means the host that was asked.
fn moved(from: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    let here = match from {
        ConnectionAddr::Tcp(here, _) | ConnectionAddr::TcpTls { host: here, .. } => here.as_str(),
        ConnectionAddr::Unix(_) | _ => "127.0.0.1",
    };
    let host = if host.is_empty() { here.to_owned() } else { host };
    if let ConnectionAddr::TcpTls { insecure, tls_params, .. } = from {
        return ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() };
    }
    ConnectionAddr::Tcp(host, port)
}

/// `[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]..]/MASTER[/DATABASE]`. The credentials are the master's; Sentinels are asked without.
fn sentinels(plain: &str, rest: &str) -> Result<Target> {
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => (format!("{credentials}@"), rest),
        None => (String::new(), rest),
    };
    let (hosts, path) = rest.split_once('/').ok_or_else(invalid)?;
    let (master, database) = path.split_once('/').unwrap_or((path, "0"));
    if master.is_empty() || hosts.is_empty() {
        return Err(invalid());
    }
    let address = |host: &str| {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port { host.to_owned() } else { format!("{host}:{SENTINEL_PORT}") }
    };
    let info = |url: String| url.into_connection_info().map_err(|_| invalid());
    let first = address(hosts.split(',').next().unwrap_or_default());
    let template = info(format!("{plain}{credentials}{first}/{database}"))?;
    let sentinels = hosts.split(',').map(|host| info(format!("{plain}{}", address(host)))).collect::<Result<_>>()?;
    Ok(Target::Sentinels { sentinels, master: master.to_owned(), template })
}

fn invalid() -> Error {
    Error::invalid(
        "redis_url",
        "must be redis://HOST[:PORT][/DATABASE], rediss://.. with TLS, unix:///SOCKET, or redis+sentinel://HOST[:PORT],../MASTER",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_are_read_with_the_masters_credentials_and_database() {
        let Ok(Target::Sentinels { sentinels, master, template }) =
            Target::parse("redis+sentinel://me:secret@one,two:5000/main/3")
        else {
            panic!("it is right")
        };
        let addresses: Vec<_> = sentinels.iter().map(|info| info.addr().to_string()).collect();
        assert_eq!((addresses, master.as_str()), (vec!["one:26379".to_owned(), "two:5000".to_owned()], "main"));
        let settings = template.redis_settings();
        assert_eq!((settings.username(), settings.password(), settings.db()), (Some("me"), Some("secret"), 3));
        assert!(sentinels.iter().all(|info| info.redis_settings().password().is_none()));
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_being_repeated() {
        for url in ["http://secret@host", "redis+sentinel://secret@host", "redis+sentinel:///main", ""] {
            let error = Target::parse(url).expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(Target::parse("unix:///tmp/redis.sock").is_ok());
        assert!(Target::parse("rediss://host:6390/2").is_ok());
    }
}
