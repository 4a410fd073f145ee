//! The base ruleset: closed. What opens is put into its sets, element by element, each with its own end.

use crate::config::Checked;
use std::fmt::Write;

/// Replaces a ruleset of an earlier life as a whole, in one transaction.
///
/// - Tunnel traffic is checked before `established`: a grant that goes stops a running flow.
/// - Replies need the grant too (reversed), so that a flow the resource keeps alive by itself ends with it.
/// - Only the edge may speak to OpenVPN.
pub fn base(checked: &Checked) -> String {
    let c = &checked.config;
    let mut open = String::new();
    for port in &c.open_tcp_ports {
        let _ = writeln!(open, "    tcp dport {port} accept");
    }
    format!(
        r#"table inet viworks
delete table inet viworks
table inet viworks {{
  set doors4 {{ type ipv4_addr; flags timeout; size 65536; }}
  set doors6 {{ type ipv6_addr; flags timeout; size 65536; }}
  set tunnels {{ type ipv4_addr; flags timeout; size 65536; }}
  set grants {{ type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags timeout; size 1048576; }}
  chain input {{
    type filter hook input priority filter; policy drop;
    iif lo accept
    iifname "{tun}" ip saddr @tunnels ip daddr {gateway} tcp dport {page} accept
    iifname "{tun}" drop
    ct state established,related accept
    ct state invalid drop
    ip6 nexthdr icmpv6 icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert }} accept
    udp dport {spa} accept
    tcp dport {tls} ct state new ip saddr @doors4 accept
    tcp dport {tls} ct state new ip6 saddr @doors6 accept
{open}  }}
  chain forward {{
    type filter hook forward priority filter; policy drop;
    iifname "{tun}" ip saddr . ip daddr . ip protocol . th dport @grants accept
    oifname "{tun}" ct direction reply ct state established ip daddr . ip saddr . ip protocol . th sport @grants accept
    oifname "{tun}" ct state related ip protocol icmp ip daddr @tunnels accept
  }}
  chain output {{
    type filter hook output priority filter; policy accept;
    oifname "{tun}" ip daddr != @tunnels drop
    oifname lo tcp dport {vpn} meta skuid != {edge} reject with tcp reset
  }}
}}
"#,
        tun = c.tunnel_device,
        gateway = checked.gateway_address(),
        page = c.page_port,
        spa = c.spa_port,
        tls = c.tls_port,
        vpn = c.vpn_port,
        edge = c.users.edge,
    )
}
