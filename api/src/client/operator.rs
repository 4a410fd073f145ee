//! The operators' routes: sign-in, policies, users, sessions, audit.

use super::{ApiError, Client, IdempotencyKey, Newer, PageRequest, session_text};
use crate::{
    Accepted, At, Created, Page,
    audit::AuditRow,
    operator::{Me, SignInRequest, SignInResponse},
    policy::{ChangeRequest, DraftRequest, PolicyRow},
    session::{SessionRow, TerminateRequest},
    user::{CreateRequest, PhoneOffer, RetryStepRequest, UserRow},
};
use reqwest::Method;
use viworks_domain::ids::{CorrelationId, PolicyId, SessionId, UserId};

/// Which rows of the audit, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub correlation: Option<CorrelationId>,
    pub kind: Option<String>,
    pub page: PageRequest,
}

/// Every method fails as [`ApiError`] says.
impl Client {
    /// Asked once: the server makes a new token for every request.
    pub async fn sign_in(
        &self,
        key: &IdempotencyKey,
        request: &SignInRequest,
    ) -> Result<SignInResponse, ApiError> {
        self.change_once(Method::POST, &["operator", "sign-in"], key, request).await
    }

    /// The server forgets this client's token.
    pub async fn sign_out(&self, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.act(&["operator", "sign-out"], key).await
    }

    pub async fn me(&self) -> Result<Me, ApiError> {
        self.get(&["operator", "me"], &[], std::time::Duration::ZERO).await
    }

    pub async fn draft_policy(
        &self,
        key: &IdempotencyKey,
        request: &DraftRequest,
    ) -> Result<Created<PolicyId>, ApiError> {
        self.change(Method::POST, &["policies"], key, request).await
    }

    pub async fn change_policy(
        &self,
        id: PolicyId,
        key: &IdempotencyKey,
        request: &ChangeRequest,
    ) -> Result<Accepted, ApiError> {
        self.change(Method::PUT, &["policies", &id.to_string()], key, request).await
    }

    pub async fn activate_policy(&self, id: PolicyId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.act(&["policies", &id.to_string(), "activate"], key).await
    }

    pub async fn retire_policy(&self, id: PolicyId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.act(&["policies", &id.to_string(), "retire"], key).await
    }

    pub async fn policies(&self, page: &PageRequest) -> Result<Page<PolicyRow>, ApiError> {
        self.get(&["policies"], &page.query(), super::LONGEST_WAIT).await
    }

    pub async fn policy(&self, id: PolicyId, newer: Newer) -> Result<At<PolicyRow>, ApiError> {
        self.get(&["policies", &id.to_string()], &newer.query(), newer.longest()).await
    }

    pub async fn create_user(
        &self,
        key: &IdempotencyKey,
        request: &CreateRequest,
    ) -> Result<Created<UserId>, ApiError> {
        self.change(Method::POST, &["users"], key, request).await
    }

    pub async fn users(&self, page: &PageRequest) -> Result<Page<UserRow>, ApiError> {
        self.get(&["users"], &page.query(), super::LONGEST_WAIT).await
    }

    pub async fn user(&self, id: UserId, newer: Newer) -> Result<At<UserRow>, ApiError> {
        self.get(&["users", &id.to_string()], &newer.query(), newer.longest()).await
    }

    pub async fn retry_step(
        &self,
        id: UserId,
        key: &IdempotencyKey,
        request: &RetryStepRequest,
    ) -> Result<Accepted, ApiError> {
        self.change(Method::POST, &["users", &id.to_string(), "retry-step"], key, request).await
    }

    pub async fn suspend_user(&self, id: UserId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.act(&["users", &id.to_string(), "suspend"], key).await
    }

    pub async fn resume_user(&self, id: UserId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.act(&["users", &id.to_string(), "resume"], key).await
    }

    /// Offers an enrolment: what the QR code holds. Shown once.
    pub async fn enrol_phone(&self, id: UserId, key: &IdempotencyKey) -> Result<PhoneOffer, ApiError> {
        self.act(&["users", &id.to_string(), "phone"], key).await
    }

    pub async fn sessions(&self, active: bool, page: &PageRequest) -> Result<Page<SessionRow>, ApiError> {
        let mut query = page.query();
        if active {
            query.push(("active", "true".to_owned()));
        }
        self.get(&["sessions"], &query, super::LONGEST_WAIT).await
    }

    pub async fn session(&self, id: SessionId, newer: Newer) -> Result<At<SessionRow>, ApiError> {
        self.get(&["sessions", &session_text(id)], &newer.query(), newer.longest()).await
    }

    pub async fn terminate_session(
        &self,
        id: SessionId,
        key: &IdempotencyKey,
        request: &TerminateRequest,
    ) -> Result<Accepted, ApiError> {
        self.change(Method::POST, &["sessions", &session_text(id), "terminate"], key, request).await
    }

    pub async fn audit(&self, query: &AuditQuery) -> Result<Page<AuditRow>, ApiError> {
        let mut pairs = query.page.query();
        pairs.extend(query.user.map(|id| ("user", id.to_string())));
        pairs.extend(query.session.map(|id| ("session", id.to_string())));
        pairs.extend(query.correlation.map(|id| ("correlation", id.to_string())));
        pairs.extend(query.kind.clone().map(|kind| ("kind", kind)));
        self.get(&["audit"], &pairs, super::LONGEST_WAIT).await
    }
}
