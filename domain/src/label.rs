//! One key, one label: what is signed, MACed or sealed under one of these is worthless under any other.

/// `viworks/<purpose>/v1\0`, the first bytes of every signed, MACed or derived input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    Command,
    GatewayCommand,
    Report,
    Spa,
    SpaAck,
    Otp,
    SealOtp,
    SealBootstrap,
    Posture,
    Enrol,
    Answer,
    Head,
    Leaf,
    Personal,
}

impl Label {
    pub const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Command => b"viworks/cmd/v1\0",
            Self::GatewayCommand => b"viworks/gwcmd/v1\0",
            Self::Report => b"viworks/report/v1\0",
            Self::Spa => b"viworks/spa/v1\0",
            Self::SpaAck => b"viworks/spa-ack/v1\0",
            Self::Otp => b"viworks/otp/v1\0",
            Self::SealOtp => b"viworks/seal-otp/v1\0",
            Self::SealBootstrap => b"viworks/seal-bootstrap/v1\0",
            Self::Posture => b"viworks/posture/v1\0",
            Self::Enrol => b"viworks/enrol/v1\0",
            Self::Answer => b"viworks/answer/v1\0",
            Self::Head => b"viworks/head/v1\0",
            Self::Leaf => b"viworks/leaf/v1\0",
            Self::Personal => b"viworks/personal/v1\0",
        }
    }
}
