//! The gateway's own registry, where the document asks for one.

use std::path::Path;

use control::Control;
use message::Token;
use model::{Address, values::SecretSource};
use registry::{Registry, Settings};

use super::{
    bind::{self, Mode},
    served::Served,
};
use crate::failure::Failure;

/// A shorter token is guessed too soon.
const TOKEN_BYTES: usize = 16;

/// Opens the registry, binds the address that the document names, and answers services there. `folder` is where it is kept.
pub(super) fn open(
    document: &Path,
    control: &Control,
    registry: &Registry,
    folder: &Path,
) -> Result<Option<Served>, Failure> {
    let registries = control.registries();
    let Some(model::Registry { address, token, max_ttl }) = &registries.registry else { return Ok(None) };
    let token = token.as_ref().map(read).transpose()?;
    if let (Address::Tcp(address), None) = (address, &token)
        && !address.ip().is_loopback()
    {
        tracing::warn!(%address, "whoever reaches the registry may register: give `gateway.registry` a `token`");
    }
    let settings = Settings { token, max_ttl: *max_ttl, allow: registries.allow.clone() };
    registry.open(settings, Some(folder)).map_err(|error| Failure::Other(error.to_string()))?;
    let refused = |error| bind::refused(document, "registry", &format!("{address} for services"), &error);
    let (listener, address) = bind::bind(address, Mode::AsIs).map_err(refused)?;
    let registry = registry.clone();
    Ok(Some(Served::start(address, async move |stopped| registry.serve(listener, stopped).await)))
}

fn read(source: &SecretSource) -> Result<Token, Failure> {
    let failed = |why: &str| Failure::Other(format!("`gateway.registry.token`: {why}"));
    let secret = fetch::secret::read(source, TOKEN_BYTES).map_err(|error| failed(&error.to_string()))?;
    Token::new(secret.expose())
        .ok_or_else(|| failed("a token is visible ASCII without spaces: it stands in a header field"))
}
