use std::net::IpAddr;

use ipnet::IpNet;

use super::not_expected;

/// Reads a network of IP addresses, `10.0.0.0/8`, or a single address.
///
/// # Errors
/// A text that is none, or an address with bits behind the prefix: what was meant, nobody knows.
pub fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    match text.parse::<IpNet>() {
        Ok(network) if network.trunc() == network => Ok(network),
        Ok(network) => Err(format!(
            "`{text}` is no network, because its address has bits behind the prefix; did you mean `{}` or `{}`?",
            network.trunc(),
            network.addr()
        )),
        Err(_) => Err(not_expected("an IP network such as `10.0.0.0/8`, or an address", text)),
    }
}
