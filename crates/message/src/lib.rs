//! HTTP messages as the gateway sees them: canonical request, body, hop-by-hop rules, causes and errors.
