//! TLS: the files of its certificate, which are read again on SIGHUP, and which addresses may do without.

use std::{fs, net::SocketAddr, path::PathBuf};

use chat_http::{Listener, Tls};
use clap::Args;
use tokio::{net::TcpListener, task::spawn_blocking};

use crate::signals::Hangups;

/// How connections are secured.
#[derive(Debug, Clone, Args)]
pub(crate) struct TlsOptions {
    /// Accept connections with TLS alone, with the certificate in this PEM file: the server's own first, then those of the
    /// authorities between it and the root. SIGHUP reads it and the key again.
    #[arg(long = "tls-cert", env = "CHATD_TLS_CERT", value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,

    /// The PEM file with the private key of the certificate.
    #[arg(id = "key", long = "tls-key", env = "CHATD_TLS_KEY", value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,

    /// Listen without TLS even where other machines can connect: behind a proxy that does TLS, or in a network where nobody
    /// listens in.
    #[arg(long, env = "CHATD_INSECURE", value_parser = clap::builder::BoolishValueParser::new())]
    insecure: bool,
}

impl TlsOptions {
    /// Checks that what other machines can reach has TLS, unless that was asked for.
    pub(crate) fn check(&self, main: SocketAddr, metrics: Option<SocketAddr>) -> Result<(), String> {
        if self.insecure {
            return Ok(());
        }
        if self.certificate.is_none() && is_reachable(main) {
            return Err(format!(
                "{main} can be reached from other machines, and nothing encrypts what they send: give --tls-cert and \
                 --tls-key, or --insecure behind a proxy that does TLS or in a network you trust"
            ));
        }
        match metrics.filter(|address| is_reachable(*address)) {
            Some(address) => Err(format!(
                "{address} can be reached from other machines, and metrics are served without TLS: give --insecure if \
                 only your monitoring can connect to it"
            )),
            None => Ok(()),
        }
    }

    /// The listener, with TLS if there is a certificate.
    pub(crate) fn listener(&self, tcp: TcpListener) -> Result<Listener, String> {
        let Some(files) = self.files() else { return Ok(tcp.into()) };
        let tls = files.load()?;
        tracing::info!(certificate = %files.certificate.display(), "TLS is on; SIGHUP reads the certificate again");
        reload_on_hangup(tls.clone(), files);
        Ok(Listener::with_tls(tcp, tls))
    }

    /// The scheme of the server's own URLs.
    pub(crate) const fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    fn files(&self) -> Option<Files> {
        Some(Files { certificate: self.certificate.clone()?, key: self.key.clone()? })
    }
}

/// Whether other machines may be able to connect to an address.
fn is_reachable(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn load(&self) -> Result<Tls, String> {
        let (certificate, key) = self.read()?;
        Tls::from_pem(&certificate, &key).map_err(|error| self.of_both(&error.to_string()))
    }

    fn reload(&self, tls: &Tls) -> Result<(), String> {
        let (certificate, key) = self.read()?;
        tls.replace_pem(&certificate, &key).map_err(|error| self.of_both(&error.to_string()))
    }

    fn read(&self) -> Result<(Vec<u8>, Vec<u8>), String> {
        let read = |file: &PathBuf| fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()));
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    fn of_both(&self, why: &str) -> String {
        format!("cannot use {} with {}: {why}", self.certificate.display(), self.key.display())
    }
}

/// Reads the files again on each SIGHUP. If they cannot be used, the old ones stay.
fn reload_on_hangup(tls: Tls, files: Files) {
    let mut hangups = Hangups::new();
    tokio::spawn(async move {
        loop {
            hangups.next().await;
            let (tls, files) = (tls.clone(), files.clone());
            match spawn_blocking(move || files.reload(&tls)).await {
                Ok(Ok(())) => tracing::info!("SIGHUP: the certificate was read again; new connections get it"),
                Ok(Err(error)) => tracing::error!(error, "SIGHUP: the old certificate stays"),
                Err(_) => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(certificate: Option<&str>, insecure: bool) -> TlsOptions {
        TlsOptions { certificate: certificate.map(PathBuf::from), key: certificate.map(PathBuf::from), insecure }
    }

    fn is_allowed(options: &TlsOptions, main: &str, metrics: Option<&str>) -> bool {
        options.check(main.parse().unwrap(), metrics.map(|address| address.parse().unwrap())).is_ok()
    }

    #[test]
    fn loopback_needs_no_tls() {
        let none = options(None, false);
        for address in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            assert!(is_allowed(&none, address, Some(address)), "{address}");
        }
    }

    #[test]
    fn what_others_can_reach_needs_tls_or_the_word_of_its_operator() {
        for address in ["0.0.0.0:80", "[::]:80", "10.0.0.7:80", "[fe80::1]:80", "[::ffff:10.0.0.7]:80", "8.8.8.8:80"] {
            assert!(!is_allowed(&options(None, false), address, None), "{address}");
            assert!(is_allowed(&options(Some("x"), false), address, None), "{address}");
            assert!(is_allowed(&options(None, true), address, Some(address)), "{address}");
            assert!(!is_allowed(&options(Some("x"), false), "127.0.0.1:80", Some(address)), "metrics have no TLS");
        }
    }
}
