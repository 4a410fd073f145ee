//! Gateways: as an operator sees them, and as one enrols.

use super::{ApiError, Client, IdempotencyKey, Newer, PageRequest};
use crate::{
    Accepted, At, Page,
    gateway::{
        CredentialsRequest, CredentialsResponse, EnrolRequest, EnrolResponse, GatewayRow, InviteRequest,
        InviteResponse,
    },
};
use reqwest::Method;
use viworks_domain::ids::GatewayId;

/// Every method fails as [`ApiError`] says.
impl Client {
    pub async fn invite_gateway(
        &self,
        key: &IdempotencyKey,
        request: &InviteRequest,
    ) -> Result<InviteResponse, ApiError> {
        self.change(Method::POST, &["gateways"], key, request).await
    }

    pub async fn gateways(&self, page: &PageRequest) -> Result<Page<GatewayRow>, ApiError> {
        self.get(&["gateways"], &page.query(), super::LONGEST_WAIT).await
    }

    pub async fn gateway(&self, id: GatewayId, newer: Newer) -> Result<At<GatewayRow>, ApiError> {
        self.get(&["gateways", &id.to_string()], &newer.query(), newer.longest()).await
    }

    /// It keeps what it has and takes nothing new.
    pub async fn drain_gateway(&self, id: GatewayId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.act(&["gateways", &id.to_string(), "drain"], key).await
    }

    pub async fn retire_gateway(&self, id: GatewayId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.act(&["gateways", &id.to_string(), "retire"], key).await
    }

    /// With the one-use secret of the invitation; needs no token.
    pub async fn enrol_gateway(
        &self,
        key: &IdempotencyKey,
        request: &EnrolRequest,
    ) -> Result<EnrolResponse, ApiError> {
        self.change(Method::POST, &["gateways", "enrol"], key, request).await
    }

    /// A fresh bus JWT, for the gateway's own signature; needs no token.
    pub async fn gateway_credentials(
        &self,
        key: &IdempotencyKey,
        request: &CredentialsRequest,
    ) -> Result<CredentialsResponse, ApiError> {
        self.change(Method::POST, &["gateways", "credentials"], key, request).await
    }
}
