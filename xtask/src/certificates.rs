//! Certificates for database servers with TLS. They are made for every run, by an authority that nothing else trusts.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::sh::{self, Result, command};

/// A folder with certificates and keys. The authority `ca` has signed `server` (for `localhost`) and `chat_cert` (for a
/// client with this name); the authority `other` has signed none.
pub(crate) struct Certificates {
    pub(crate) folder: PathBuf,
}

impl Certificates {
    /// Creates the folder and the certificates.
    pub(crate) fn make(folder: PathBuf) -> Result<Self> {
        fs::create_dir(&folder)?;
        let made = Self { folder };
        for authority in ["ca", "other"] {
            let names =
                ["-x509", "-days", "2", "-keyout", &format!("{authority}.key"), "-out", &format!("{authority}.pem")];
            made.request(authority, &names)?;
        }
        made.sign("server", "localhost")?;
        made.sign("chat_cert", "chat_cert")?;
        Ok(made)
    }

    /// Copies the authority, the certificate and the key that a server needs into its folder, readable for its user
    /// alone.
    pub(crate) fn give(&self, folder: &Path, owner: Option<&str>) -> Result {
        for name in ["ca.pem", "server.pem", "server.key"] {
            let copy = folder.join(name);
            fs::copy(self.folder.join(name), &copy)?;
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
            if let Some(owner) = owner {
                sh::run_quietly(command("chown").arg(owner).arg(&copy))?;
            }
        }
        Ok(())
    }

    /// Makes a certificate for a host or a client with this name.
    fn sign(&self, file: &str, name: &str) -> Result {
        let [request, key, extensions, certificate] = ["csr", "key", "ext", "pem"].map(|kind| format!("{file}.{kind}"));
        fs::write(self.folder.join(&extensions), format!("subjectAltName=DNS:{name}\n"))?;
        self.request(name, &["-keyout", &key, "-out", &request])?;
        let authority = ["x509", "-req", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        self.openssl(&[&authority[..], &["-in", &request, "-extfile", &extensions, "-out", &certificate]].concat())
    }

    fn request(&self, name: &str, words: &[&str]) -> Result {
        let subject = format!("/CN={name}");
        let new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", &subject];
        self.openssl(&[&new[..], words].concat())
    }

    fn openssl(&self, words: &[&str]) -> Result {
        sh::run_quietly(command("openssl").current_dir(&self.folder).args(words))
    }
}
