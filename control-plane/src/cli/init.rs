use super::{
    failure::Failure,
    shown::{Shown, fields},
};
use crate::init;
use std::{net::SocketAddr, path::PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// The state directory to make
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where `viworks serve` will listen
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// What clients will call it; https://<listen> unless given
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where nats-server will listen
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4222")]
    nats_listen: SocketAddr,
    /// Where gateways reach nats-server; as often as needed
    #[arg(long, value_name = "HOST:PORT")]
    advertise_nats: Vec<String>,
}

pub fn run(args: Args) -> Result<Shown, Failure> {
    if args.public_url.is_none() && args.listen.ip().is_unspecified() {
        let what = "--listen is every address of this machine; say with --public-url what clients call it";
        return Err(Failure::Usage(what.into()));
    }
    let made = init::run(&init::Options {
        data: args.data,
        public_url: args.public_url.unwrap_or_else(|| format!("https://{}", args.listen)),
        listen: args.listen,
        nats_listen: args.nats_listen,
        advertise_nats: args.advertise_nats,
    })?;
    let text = fields(&[
        ("state", made.data.display().to_string()),
        ("configuration", made.config.display().to_string()),
        ("CA for clients", made.ca.display().to_string()),
        ("CA fingerprint", made.ca_fingerprint.clone()),
        ("log", made.log_id.clone()),
    ]);
    let next = format!(
        "\nNext:\n  nats-server -c {conf}\n  viworks serve --data {data}\n\
         Then take {root} off this machine: it signs which keys gateways obey, and serving does not need it.\n",
        conf = made.nats_conf.display(),
        data = made.data.display(),
        root = made.gateway_root.display(),
    );
    Ok(Shown::new(&made, text + &next))
}
