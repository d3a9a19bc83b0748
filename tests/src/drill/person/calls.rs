//! How a person calls the API: until there is an answer, with the same request id each time, as whoever uses it has to.

use super::{PAUSE, Person};
use crate::control::Keyed;
use anyhow::{Result, anyhow};
use std::error::Error as _;
use std::time::{Duration, Instant};
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

/// The longest that one attempt of a call may take.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Makes a call until it is answered.
macro_rules! ask {
    ($person:expr, $client:ident, $method:ident, $message:expr) => {
        $person.ask($message, |channel, request| async move { $client::new(channel).$method(request).await })
    };
}

/// Makes a call that changes something, as often as the person is used to; the last argument says what must be the same in every answer.
macro_rules! tell {
    ($person:expr, $client:ident, $method:ident, $message:expr, $same:expr) => {
        $person.tell($message, |channel, request| async move { $client::new(channel).$method(request).await }, $same)
    };
}

impl Person {
    /// Makes a call until it is answered; whoever is told no in other words than "try again" is told no.
    ///
    /// # Errors
    /// The refusal, or that patience ran out.
    pub async fn ask<Q, A, F>(&mut self, message: Q, method: impl Fn(Keyed, Request<Q>) -> F) -> Result<A>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let answer = self.insist(message, method).await;
        answer.map_err(|status| anyhow!("{} was not answered: {status}", std::any::type_name::<Q>()))
    }

    /// Makes a call until it is answered, with yes or no.
    ///
    /// # Errors
    /// The refusal, or what was said last before patience ran out.
    pub async fn insist<Q, A, F>(&mut self, message: Q, method: impl Fn(Keyed, Request<Q>) -> F) -> Result<A, Status>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let began = Instant::now();
        loop {
            match attempt(&self.api, message.clone(), &method, ATTEMPT).await {
                Err(status) if again(&status) && began.elapsed() < self.patience => self.repeated += 1,
                answer => return answer,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Makes a call that changes something, and makes it again as often as there are echoes; `same` of the answers must be the same.
    pub(super) async fn tell<Q, A, F>(
        &mut self,
        message: Q,
        method: impl Fn(Keyed, Request<Q>) -> F,
        same: impl Fn(&A) -> Vec<String>,
    ) -> Result<A>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let answer = self.ask(message.clone(), &method).await?;
        for _ in 0..self.echoes {
            let echo = self.ask(message.clone(), &method).await?;
            if same(&echo) != same(&answer) {
                let (what, first, then) = (std::any::type_name::<Q>(), same(&answer), same(&echo));
                self.disagreements.push(format!("{what} was answered {first:?}, and again {then:?}"));
            }
        }
        Ok(answer)
    }

    /// One attempt of a call, and its answer whatever it is.
    ///
    /// # Errors
    /// What the server said, or that nobody did.
    pub async fn try_once<Q, A, F>(&self, message: Q, method: impl Fn(Keyed, Request<Q>) -> F) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        attempt(&self.api, message, &method, ATTEMPT).await
    }
}

/// A new request id.
#[must_use]
pub fn new_id() -> String {
    Uuid::new_v4().to_string()
}

async fn attempt<Q, A, F>(
    api: &Keyed,
    message: Q,
    method: &impl Fn(Keyed, Request<Q>) -> F,
    within: Duration,
) -> Result<A, Status>
where
    F: Future<Output = Result<Response<A>, Status>>,
{
    match tokio::time::timeout(within, method(api.clone(), Request::new(message))).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("nobody answered")),
    }
}

/// Whether trying again may help: the server says so, or the connection broke.
#[must_use]
pub fn again(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted) || status.source().is_some()
}
