//! nginx on the gateway's tunnel address: the random path itself leads to the session's socket, bound to the
//! tunnel address it is asked from. Publishing needs no reload.

use super::{
    files,
    process::{self, Process},
};
use crate::{
    config::{Checked, Places},
    launch,
};
use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};
use viworks_domain::gateway_bus::Service;

const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// Until OpenVPN has made its device, its address cannot be bound.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(super) fn pid_file(places: &Places) -> PathBuf {
    places.runner().join("nginx.pid")
}

pub(super) fn service(places: &Places) -> Service {
    Service { name: "nginx".into(), up: Process::recorded(&pid_file(places)).is_some() }
}

pub(super) async fn keep(places: Places, checked: Checked) {
    let (file, wanted) = (pid_file(&places), configuration(&places, &checked));
    if fs::read_to_string(conf(&places)).is_ok_and(|found| found != wanted) {
        // It runs by an earlier configuration.
        process::end(&file).await;
    }
    let address = SocketAddr::from((checked.gateway_address(), checked.config.page_port));
    loop {
        let process = match Process::recorded(&file) {
            Some(adopted) => {
                tracing::info!("nginx runs already and is adopted");
                Ok(adopted)
            }
            None => {
                // Refused while somebody else holds it, and while the address is not there.
                while TcpListener::bind(address).is_err() {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                start(&places, &checked, &wanted, &file)
            }
        };
        match process {
            Ok(process) => {
                process.ended().await;
                tracing::warn!("nginx has ended and is started again");
            }
            Err(error) => tracing::error!(%error, "nginx does not start"),
        }
        tokio::time::sleep(RESTART_PAUSE).await;
    }
}

fn conf(places: &Places) -> PathBuf {
    places.web().join("nginx.conf")
}

fn start(places: &Places, checked: &Checked, configuration: &str, file: &Path) -> io::Result<Process> {
    let user = checked.config.users.web;
    let conf = conf(places);
    files::place(&conf, configuration.as_bytes(), user, 0o400)?;
    let log = files::journal(&places.runner().join("nginx.log"))?;
    let capabilities: &[&str] = if checked.config.page_port < 1024 { &["net_bind_service"] } else { &[] };
    let mut command = launch::command(user, user, capabilities, false, &checked.config.nginx);
    command.arg("-p").arg(places.web()).arg("-e").arg("stderr").arg(format!("-c{}", conf.display()));
    command.stdout(log.try_clone()?).stderr(log);
    Process::start(&mut command, file)
}

/// One process: a worker would outlive a master that is killed, and keep its port. Nothing is logged once a
/// request has come, because what it asks for is a secret.
///
/// `rewrite` takes the random path away and writes the rest anew, escaped: the page sees neither the one nor
/// any bytes of the request line that a browser did not mean as a path.
fn configuration(places: &Places, checked: &Checked) -> String {
    let (web, panel) = (places.web(), places.panel());
    let (web, panel) = (web.display(), panel.display());
    format!(
        r#"daemon off;
master_process off;
error_log stderr notice;
pid {web}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  error_log stderr emerg;
  server_tokens off;
  default_type application/octet-stream;
  client_body_temp_path {web}/body;
  proxy_temp_path {web}/proxy;
  fastcgi_temp_path {web}/fastcgi;
  uwsgi_temp_path {web}/uwsgi;
  scgi_temp_path {web}/scgi;
  map $http_upgrade $forwarded_connection {{ default upgrade; "" close; }}
  server {{
    listen {address}:{port};
    add_header Referrer-Policy no-referrer always;
    add_header X-Content-Type-Options nosniff always;
    location ~ "^/s/(?<sid>[a-z2-7]{{26}})/" {{
      rewrite "^/s/[a-z2-7]{{26}}(/.*)$" $1 break;
      proxy_pass http://unix:{panel}/$remote_addr/$sid/page.sock:;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $forwarded_connection;
      proxy_buffering off;
      proxy_read_timeout 1h;
      error_page 502 504 =404 /nothing-here;
    }}
    location / {{ return 404; }}
  }}
}}
"#,
        address = checked.gateway_address(),
        port = checked.config.page_port,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_the_tunnel_alone_and_leads_by_address_and_path() {
        let (places, checked) = crate::config::example();
        let text = configuration(&places, &checked);
        let listens: Vec<_> = text.lines().filter(|l| l.trim().starts_with("listen ")).collect();
        assert_eq!(listens, ["    listen 10.8.0.1:80;"]);
        assert!(text.contains("unix:/var/lib/viworks/panel/$remote_addr/$sid/page.sock:"));
        assert!(text.contains("access_log off;") && text.contains("location / { return 404; }"));
        assert!(!text.contains("{{") && !text.contains("}}"));
    }
}
