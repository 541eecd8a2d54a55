//! The cryptography of tokens, by ring, in the form that `jsonwebtoken` takes. (Its own providers are the `rsa` crate, which
//! leaks a key by its timing, and a second library in C.)
#![expect(clippy::wildcard_enum_match_arm, reason = "whatever algorithms the library adds, these four are known here")]

use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    signature::{Error, Signer, Verifier},
};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm},
};

/// Makes ring the cryptography of tokens in this process, unless another one was chosen before.
pub(super) fn install() {
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| {
            check(*algorithm, key.family())?;
            Ok(Box::new(Ring { algorithm: *algorithm, key: key.clone() }))
        },
        verifier_factory: |algorithm, key| {
            check(*algorithm, key.family())?;
            Ok(Box::new(Ring { algorithm: *algorithm, key: key.clone() }))
        },
        key_utils: KeyUtils {
            rsa_pub_components_from_private_key: |_| unsupported(),
            rsa_pub_components_from_public_key: |_| unsupported(),
            ec_pub_components_from_private_key: |_, _| unsupported(),
            ed_pub_components_from_private_key: |_, _| unsupported(),
            compute_digest: |_, _| unsupported(),
        },
    };
    let _another_was_first = RING.install_default();
}

/// A key, and the algorithm it is used with.
struct Ring<K> {
    algorithm: Algorithm,
    key: K,
}

fn check(algorithm: Algorithm, family: AlgorithmFamily) -> Result<()> {
    let is_known = matches!(algorithm, Algorithm::HS256 | Algorithm::ES256 | Algorithm::EdDSA | Algorithm::RS256);
    if is_known && algorithm.family() == family { Ok(()) } else { unsupported() }
}

fn unsupported<T>() -> Result<T> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

impl JwtVerifier for Ring<DecodingKey> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for Ring<DecodingKey> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, signature)
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                PublicKeyComponents { n, e }.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (algorithm, DecodingKeyKind::SecretOrDer(key)) => {
                let by = verification(algorithm).ok_or_else(Error::new)?;
                UnparsedPublicKey::new(by, key).verify(message, signature)
            }
            (_, DecodingKeyKind::RsaModulusExponent { .. }) => return Err(Error::new()),
        };
        verified.map_err(|_| Error::new())
    }
}

fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::EdDSA => Some(&signature::ED25519),
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        _ => None,
    }
}

impl JwtSigner for Ring<EncodingKey> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Signer<Vec<u8>> for Ring<EncodingKey> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let key = self.key.as_bytes();
        let random = SystemRandom::new();
        match self.algorithm {
            Algorithm::HS256 => Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()),
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).map_err(|_| Error::new())?;
                Ok(pair.sign(message).as_ref().to_vec())
            }
            Algorithm::ES256 => {
                let by = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_pkcs8(by, key, &random).map_err(|_| Error::new())?;
                Ok(pair.sign(&random, message).map_err(|_| Error::new())?.as_ref().to_vec())
            }
            Algorithm::RS256 => {
                let pair = RsaKeyPair::from_der(key).map_err(|_| Error::new())?;
                let mut signed = vec![0; pair.public().modulus_len()];
                let signing = pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signed);
                signing.map(|()| signed).map_err(|_| Error::new())
            }
            _ => Err(Error::new()),
        }
    }
}
