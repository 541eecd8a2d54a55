//! TLS on a listener: the certificate by which clients know a server, which may be replaced while it runs.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use chat_core::log::Excerpt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, CertificateError, RootCertStore, ServerConfig,
        client::verify_server_cert_signed_by_trust_anchor,
        crypto::{CryptoProvider, ring},
        pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
        server::ParsedCertificate,
    },
    server::TlsStream,
};

use crate::{
    address::{Proxies, TrustedProxy},
    metrics,
};

/// A certificate and its key, with which a server accepts connections: TLS 1.2 and 1.3, for HTTP/1.1 alone.
///
/// All clones are the same one: after [`replace_pem`](Self::replace_pem), each of them has the new certificate.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl Tls {
    /// Reads PEM: the server's certificate and then those of the authorities between it and the root, and the
    /// certificate's private key (PKCS#8, PKCS#1 or SEC1, not encrypted).
    ///
    /// # Errors
    /// Any [`BadCertificate`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, BadCertificate> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(config(certificates, key, UnixTime::now())?)))))
    }

    /// Replaces the certificate and the key. New connections get the new ones; those that are open go on.
    ///
    /// # Errors
    /// Any [`BadCertificate`]. Nothing changes then.
    pub fn replace_pem(&self, certificates: &[u8], key: &[u8]) -> Result<(), BadCertificate> {
        let config = Arc::new(config(certificates, key, UnixTime::now())?);
        // No code panics while it holds this lock.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Why a certificate and a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCertificate {
    /// There is no certificate in the PEM, or one that cannot be read.
    NoCertificate,
    /// There is no private key in the PEM, or one that cannot be read. It may be encrypted.
    NoKey,
    /// The key is not the one of the certificate.
    OtherKey,
    /// The certificate was valid until this time.
    Expired(SystemTime),
    /// The certificate is valid only from this time on.
    NotYetValid(SystemTime),
    /// The certificate or the key is of a kind that cannot be used.
    Unusable(String),
}

impl fmt::Display for BadCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("there is no certificate in PEM that can be read"),
            Self::NoKey => f.write_str("there is no private key in PEM that can be read (one that is not encrypted)"),
            Self::OtherKey => f.write_str("the key does not belong to the certificate"),
            Self::Expired(end) => write!(f, "the certificate has expired, on {}", Day(*end)),
            Self::NotYetValid(start) => write!(f, "the certificate is not valid yet, only from {} on", Day(*start)),
            Self::Unusable(why) => write!(f, "the certificate cannot be used: {why}"),
        }
    }
}

impl std::error::Error for BadCertificate {}

/// A time as its day.
struct Day(SystemTime);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", time::UtcDateTime::from(self.0).date())
    }
}

fn config(certificates: &[u8], key: &[u8], now: UnixTime) -> Result<ServerConfig, BadCertificate> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(|_| BadCertificate::NoCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| BadCertificate::NoKey)?;
    // The databases' TLS uses ring, too. It is named here, since a process may have several providers, and no default.
    let provider = Arc::new(ring::default_provider());
    check_time(chain.first().ok_or(BadCertificate::NoCertificate)?, &provider, now)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Refuses a certificate outside of its time. rustls does not look at the time of one's own certificate, so it is
/// verified here as a client would. No authority is trusted, so that always fails, but the time is looked at first.
fn check_time(end: &CertificateDer<'_>, provider: &CryptoProvider, now: UnixTime) -> Result<(), BadCertificate> {
    let certificate = ParsedCertificate::try_from(end).map_err(|error| unusable(&error))?;
    let (nobody, algorithms) = (RootCertStore::empty(), provider.signature_verification_algorithms.all);
    match verify_server_cert_signed_by_trust_anchor(&certificate, &nobody, &[], now, algorithms) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Err(BadCertificate::Expired(time_of(not_after)))
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            Err(BadCertificate::NotYetValid(time_of(not_before)))
        }
        Err(_) | Ok(()) => Ok(()),
    }
}

fn time_of(time: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs())
}

fn unusable(error: &rustls::Error) -> BadCertificate {
    if *error == rustls::InconsistentKeys::KeyMismatch.into() {
        BadCertificate::OtherKey
    } else {
        BadCertificate::Unusable(error.to_string())
    }
}

/// Where a server accepts connections: a TCP listener, with TLS or without.
///
/// A [`TcpListener`] is one without TLS.
#[derive(Debug)]
pub struct Listener {
    pub(crate) tcp: TcpListener,
    pub(crate) tls: Option<Tls>,
    pub(crate) proxies: Proxies,
}

impl Listener {
    /// A listener that accepts only connections with TLS.
    #[must_use]
    pub const fn with_tls(tcp: TcpListener, tls: Tls) -> Self {
        Self { tcp, tls: Some(tls), proxies: Proxies::NONE }
    }

    /// Believes these proxies when they say where a request comes from (`X-Forwarded-For`). Without it, everything that a proxy
    /// passes on comes from the proxy, and has to share what one address may do.
    #[must_use]
    pub fn trust(mut self, proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        self.proxies = self.proxies.and(proxies);
        self
    }

    /// The URL of its address.
    pub(crate) fn url(&self) -> Option<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.tcp.local_addr().ok().map(|address| format!("{scheme}://{address}"))
    }
}

impl From<TcpListener> for Listener {
    fn from(tcp: TcpListener) -> Self {
        Self { tcp, tls: None, proxies: Proxies::NONE }
    }
}

/// The handshakes of a server: each has a time limit, and only so many run at once.
#[derive(Debug)]
pub(crate) struct Handshakes {
    tls: Tls,
    places: Semaphore,
    longest: Duration,
}

/// How many handshakes run at once. One that is not complete may hold 64 KiB, so all of them hold at most 64 MiB. Other
/// connections wait, and nothing of theirs is read.
const MOST: usize = 1_024;

impl Handshakes {
    pub(crate) fn new(tls: Tls, longest: Duration) -> Self {
        metrics::describe_tls();
        Self { tls, places: Semaphore::new(MOST), longest }
    }

    /// Performs a handshake; `None` if it fails or takes too long.
    pub(crate) async fn perform<S>(&self, stream: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let _place = self.places.acquire().await.ok()?;
        match timeout(self.longest, self.tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::debug!(error = %Excerpt(error), "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
        metrics::handshake_failed();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!("../tests/certificates/", $name))
        };
    }

    const FIRST: (&[u8], &[u8]) = (file!("first.pem"), file!("first.key"));
    const SECOND: (&[u8], &[u8]) = (file!("second.pem"), file!("second.key"));

    fn refused(certificates: &[u8], key: &[u8]) -> BadCertificate {
        Tls::from_pem(certificates, key).unwrap_err()
    }

    #[test]
    fn a_certificate_and_its_key_are_taken_alone_and_with_a_chain() {
        Tls::from_pem(FIRST.0, FIRST.1).unwrap();
        Tls::from_pem(&[FIRST.0, file!("ca.pem")].concat(), FIRST.1).unwrap();
        let both = [FIRST.1, FIRST.0].concat();
        Tls::from_pem(&both, &both).expect("both may stand in one file");
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_reason() {
        assert_eq!(refused(b"", FIRST.1), BadCertificate::NoCertificate);
        assert_eq!(refused(FIRST.1, FIRST.1), BadCertificate::NoCertificate);
        assert_eq!(refused(&FIRST.0[..FIRST.0.len() / 2], FIRST.1), BadCertificate::NoCertificate);
        assert_eq!(refused(FIRST.0, b""), BadCertificate::NoKey);
        assert_eq!(refused(FIRST.0, FIRST.0), BadCertificate::NoKey);
        assert_eq!(refused(FIRST.0, SECOND.1), BadCertificate::OtherKey);
        let nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(refused(nonsense, FIRST.1), BadCertificate::Unusable(_)));
    }

    #[test]
    fn a_certificate_is_taken_only_in_its_time() {
        let expired = refused(file!("expired.pem"), file!("expired.key"));
        assert_eq!(expired.to_string(), "the certificate has expired, on 2020-02-01");
        let future = refused(file!("future.pem"), file!("future.key"));
        assert_eq!(future.to_string(), "the certificate is not valid yet, only from 2125-01-01 on");
        // The authority's own certificate signs itself, as many certificates in private networks do.
        let provider = ring::default_provider();
        let authority = CertificateDer::from_pem_slice(file!("ca.pem")).unwrap();
        check_time(&authority, &provider, UnixTime::now()).unwrap();
        let later = UnixTime::since_unix_epoch(Duration::from_secs(1 << 40));
        assert!(matches!(check_time(&authority, &provider, later), Err(BadCertificate::Expired(_))));
    }

    #[test]
    fn a_bad_replacement_changes_nothing() {
        let tls = Tls::from_pem(FIRST.0, FIRST.1).unwrap();
        let held = |tls: &Tls| Arc::as_ptr(&tls.0.read().unwrap());
        let (first, clone) = (held(&tls), tls.clone());
        assert_eq!(tls.replace_pem(SECOND.0, FIRST.1), Err(BadCertificate::OtherKey));
        assert_eq!(held(&clone), first);
        tls.replace_pem(SECOND.0, SECOND.1).unwrap();
        assert_ne!(held(&clone), first, "all clones have the new one");
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", Tls::from_pem(FIRST.0, FIRST.1).unwrap()), "Tls { .. }");
    }
}
