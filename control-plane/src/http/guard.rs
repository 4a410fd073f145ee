//! Who is asking, folded from the log. A route names the proof it wants; its handler cannot run without one.

use super::{call::Call, cookie, desktop::DesktopPermit, device::DevicePermit, route::Id};
use crate::{
    app::App,
    clock,
    error::{ApiError, Rejection},
};
use http::header;
use sha2::{Digest as _, Sha256};
use std::marker::PhantomData;
use viworks_api::{
    operator::{Me, Permission as Offered},
    token::{Bearer, Token},
};
use viworks_domain::{
    Millis,
    actor::Actor,
    ids::{Digest, OperatorId, SessionId},
    operator::Operator,
    permission::Role,
};

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anybody,
    /// Operators of these roles.
    Operators(&'static [Role]),
    /// Operators of these roles in a browser, with a page of ours: the cookie alone, never a header.
    Console(&'static [Role]),
    /// A desktop, about its own session.
    Desktop,
    /// An enrolled phone.
    Device,
}

/// The proof that a caller may come in. Async and fallible: it asks the log.
pub trait Guard<P>: Send + Sized + 'static {
    const WHO: Who;
    fn admit(call: &Call, path: &P) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

/// No proof needed: sign-in, enrolment, the CA.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

impl<P: Sync + 'static> Guard<P> for Anybody {
    const WHO: Who = Who::Anybody;
    async fn admit(_: &Call, _: &P) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

/// What an operator may do; one type each, so that a handler cannot be given the wrong permit.
pub trait Permission: Send + Sync + 'static {
    const ROLES: &'static [Role];
}

/// Every permission, and whether screens offer what it is for. There is no third place for one to stand in.
macro_rules! permissions {
    (
        unoffered { $($(#[$plain_doc:meta])* $plain:ident: $($plain_role:ident),+;)+ }
        offered { $($(#[$doc:meta])* $name:ident: $($role:ident),+;)+ }
    ) => {
        $(permissions!(@one $(#[$plain_doc])* $plain: $($plain_role),+);)+
        $(permissions!(@one $(#[$doc])* $name: $($role),+);)+

        /// What an operator of this role is offered beyond reading.
        pub fn offered(role: Role) -> Vec<Offered> {
            // Exhaustive: what the API knows to offer has its permission here.
            let roles = |offered| match offered { $(Offered::$name => $name::ROLES),+ };
            [$(Offered::$name),+].into_iter().filter(|offered| roles(*offered).contains(&role)).collect()
        }
    };
    (@one $(#[$doc:meta])* $name:ident: $($role:ident),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}
        impl Permission for $name {
            const ROLES: &'static [Role] = &[$(Role::$role),+];
        }
    };
}

permissions! {
    unoffered {
        /// Every list and every row, but for policies' documents; no secret and no resource's address is in them.
        Read: Owner, Viewer;
        /// Oneself: who am I, sign me out.
        BeSignedIn: Owner, Viewer;
    }
    offered {
        ManagePolicies: Owner;
        ManageGateways: Owner;
        ManageUsers: Owner;
        EndSessions: Owner;
    }
}

/// What an operator is told of themselves.
pub fn me(operator: OperatorId, name: String, role: Role, expires_at: Millis) -> Me {
    Me { operator, name, role, may: offered(role), expires_at }
}

/// An operator who is signed in and has the permission.
pub struct Permit<P> {
    pub operator: OperatorId,
    /// The operator's aggregate version that this was decided on.
    pub version: u64,
    pub role: Role,
    pub name: String,
    /// SHA-256 of the token: what signing out takes back.
    pub token: Digest,
    /// When this sign-in ends by itself.
    pub expires_at: Millis,
    permission: PhantomData<fn() -> P>,
}

impl<P> Permit<P> {
    pub fn actor(&self) -> Actor {
        Actor::Operator { id: self.operator, version: self.version }
    }

    pub fn me(&self) -> Me {
        me(self.operator, self.name.clone(), self.role, self.expires_at)
    }

    /// The same operator, for something else that a request asks too.
    ///
    /// # Errors
    /// The role does not have that permission.
    pub fn also<B: Permission>(&self) -> Result<Permit<B>, ApiError> {
        if !B::ROLES.contains(&self.role) {
            return Err(Rejection::Forbidden.into());
        }
        let Self { operator, version, role, token, expires_at, .. } = *self;
        let name = self.name.clone();
        Ok(Permit { operator, version, role, name, token, expires_at, permission: PhantomData })
    }
}

impl<A: Permission> Permit<A> {
    /// What the log says of the token now.
    ///
    /// # Errors
    /// It is no operator's, it has ended, its role does not have the permission, or the log is away.
    pub async fn of(app: &App, token: &Token) -> Result<Self, ApiError> {
        let Bearer::Operator(operator) = token.bearer else { return Err(Rejection::NotSignedIn.into()) };
        let root = app.fold::<Operator>(operator).await?;
        let digest = token_digest(token);
        let now = clock::now();
        let role = root.state.role_of(&digest, now).ok_or(Rejection::NotSignedIn)?;
        let live = root.state.live(now).find(|live| live.token == digest);
        let expires_at = live.map(|live| live.expires_at).ok_or(Rejection::NotSignedIn)?;
        if !A::ROLES.contains(&role) {
            return Err(Rejection::Forbidden.into());
        }
        Ok(Self {
            operator,
            version: root.version,
            role,
            name: root.state.name.clone(),
            token: digest,
            expires_at,
            permission: PhantomData,
        })
    }
}

impl<A: Permission, P: Sync + 'static> Guard<P> for Permit<A> {
    const WHO: Who = Who::Operators(A::ROLES);

    /// By the header or, without one, by the cookie.
    async fn admit(call: &Call, _: &P) -> Result<Self, ApiError> {
        let token = if call.headers.contains_key(header::AUTHORIZATION) {
            bearer(call)?
        } else {
            cookie::token_of(call)?
        };
        Self::of(&call.app, &token).await
    }
}

/// An operator in a browser: by the cookie alone, from a page of ours alone. For what a browser opens without
/// asking us first whether a foreign page may: WebSockets know no CORS.
pub struct InBrowser<A>(pub Permit<A>);

impl<A: Permission, P: Sync + 'static> Guard<P> for InBrowser<A> {
    const WHO: Who = Who::Console(A::ROLES);

    async fn admit(call: &Call, _: &P) -> Result<Self, ApiError> {
        let token = cookie::token_of(call)?;
        cookie::from_our_page(call)?;
        Permit::of(&call.app, &token).await.map(Self)
    }
}

/// A desktop, about the session that its path names and its token is for.
impl Guard<Id<SessionId>> for DesktopPermit {
    const WHO: Who = Who::Desktop;

    async fn admit(call: &Call, Id(session): &Id<SessionId>) -> Result<Self, ApiError> {
        Self::check(&call.app, &bearer(call)?, *session).await
    }
}

impl<P: Sync + 'static> Guard<P> for DevicePermit {
    const WHO: Who = Who::Device;

    async fn admit(call: &Call, _: &P) -> Result<Self, ApiError> {
        Self::check(&call.app, &bearer(call)?).await
    }
}

/// How every token is stored and compared.
pub fn token_digest(token: &Token) -> Digest {
    Digest(Sha256::digest(token.secret).into())
}

fn bearer(call: &Call) -> Result<Token, ApiError> {
    let value = call.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|text| text.split_once(' ')).ok_or(Rejection::NotSignedIn)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejection::NotSignedIn.into());
    }
    token.trim().parse().map_err(|_| Rejection::NotSignedIn.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(role: Role) -> Permit<BeSignedIn> {
        Permit {
            operator: OperatorId([1; 16]),
            version: 1,
            role,
            name: "ada".into(),
            token: Digest([2; 32]),
            expires_at: Millis(3),
            permission: PhantomData,
        }
    }

    #[test]
    fn a_permit_for_one_thing_is_one_for_another_only_by_the_role() {
        assert!(permit(Role::Owner).also::<ManagePolicies>().is_ok());
        let refused = permit(Role::Viewer).also::<ManagePolicies>().map(|permit| permit.role);
        assert!(matches!(refused, Err(ApiError::Rejected(Rejection::Forbidden))));
    }

    #[test]
    fn nothing_that_a_role_may_not_do_is_offered() {
        assert_eq!(offered(Role::Viewer), []);
        assert_eq!(
            offered(Role::Owner),
            [Offered::ManagePolicies, Offered::ManageGateways, Offered::ManageUsers, Offered::EndSessions]
        );
    }
}
