//! Secrets at rest: XChaCha20-Poly1305, bound to the tenant, table, column and row they belong to.
//!
//! A sealed secret is `version (1 byte) | nonce (24 bytes, random) | ciphertext with its tag`. The binding goes in as associated data,
//! so a sealed value that is copied to another row, column or tenant does not open. Where the key comes from is the caller's business.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use linkyard_core::{Error, Result};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// The key that seals secrets in the database. Prints as `***`, and is wiped from memory with its last clone.
#[derive(Clone)]
pub struct SealingKey(Arc<SecretBox<[u8; KEY_BYTES]>>);

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl SealingKey {
    /// Reads a key of 32 bytes written as 64 hexadecimal digits.
    ///
    /// # Errors
    /// `Invalid` when it is not that.
    pub fn from_hex(text: &SecretString) -> Result<Self> {
        let digits = text.expose_secret().trim().as_bytes();
        let wrong =
            || Error::invalid("sealing_key", "must be 64 hexadecimal digits (32 bytes), for example from `openssl rand -hex 32`");
        if digits.len() != 2 * KEY_BYTES {
            return Err(wrong());
        }
        let mut key = [0; KEY_BYTES];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
            let (Some(high), Some(low)) = (high, low) else { return Err(wrong()) };
            *byte = u8::try_from(high * 16 + low).map_err(|_| wrong())?;
        }
        Ok(Self::from_bytes(key))
    }

    /// Reads the key in `path`, or makes one there with mode 0600 (embedded mode).
    ///
    /// # Errors
    /// `Internal` when the file can not be read or made; `Invalid` when what it holds is no key.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        let failed = |what: &str, error: std::io::Error| {
            Error::internal(format!("the sealing key {} could not be {what}", path.display()), error)
        };
        if let Some(key) = Self::load(path).map_err(|error| failed("read", error))? {
            return Self::from_hex(&key);
        }
        // The whole file appears at once under its name, so that a crash in between leaves none and nobody reads half of one.
        let unfinished = path.with_extension(format!("new-{}", std::process::id()));
        let made = write_new(&unfinished, &Self::generate().to_hex()).and_then(|()| match fs::hard_link(&unfinished, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        });
        let removed = fs::remove_file(&unfinished);
        made.and(removed).map_err(|error| failed("made", error))?;
        match Self::load(path).map_err(|error| failed("read", error))? {
            Some(key) => Self::from_hex(&key),
            None => Err(Error::broken(format!("the sealing key {} vanished while it was made", path.display()))),
        }
    }

    /// A fresh key, for tests.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_bytes(rand::random())
    }

    fn from_bytes(key: [u8; KEY_BYTES]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(key))))
    }

    fn to_hex(&self) -> SecretString {
        let digits: String = self.0.expose_secret().iter().map(|byte| format!("{byte:02x}")).collect();
        SecretString::from(digits)
    }

    fn load(path: &Path) -> std::io::Result<Option<SecretString>> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(SecretString::from(text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Seals `secret` so that it opens only under the same `binding`.
    pub(crate) fn seal(&self, binding: &str, secret: &SecretString) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: binding.as_bytes() };
        let ciphertext =
            self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::broken("a secret could not be sealed"))?;
        Ok([&[VERSION][..], &nonce[..], &ciphertext[..]].concat())
    }

    /// Opens what [`SealingKey::seal`] made under the same `binding`.
    ///
    /// # Errors
    /// `Internal` for another key, another binding, or bytes that were never sealed; never says which.
    pub(crate) fn open(&self, binding: &str, sealed: &[u8]) -> Result<SecretString> {
        self.open_bytes(binding, sealed)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(SecretString::from)
            .ok_or_else(|| Error::broken("a sealed secret does not open with this key: was the key or the row exchanged?"))
    }

    fn open_bytes(&self, binding: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (&version, rest) = sealed.split_first()?;
        if version != VERSION {
            return None;
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: ciphertext, aad: binding.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.expose_secret().into())
    }
}

fn write_new(path: &Path, key: &SecretString) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_under_its_binding_and_key() {
        let key = SealingKey::generate();
        let sealed = key.seal("a|provider|client_secret|1", &SecretString::from("canary")).expect("seals");
        let text = String::from_utf8_lossy(&sealed).into_owned();
        assert!(!text.contains("canary"));
        assert_eq!(key.open("a|provider|client_secret|1", &sealed).expect("opens").expose_secret(), "canary");
        assert!(key.open("a|provider|client_secret|2", &sealed).is_err());
        assert!(SealingKey::generate().open("a|provider|client_secret|1", &sealed).is_err());
    }

    #[test]
    fn hostile_bytes_are_an_error_at_every_length() {
        let key = SealingKey::generate();
        let sealed = key.seal("binding", &SecretString::from("canary")).expect("seals");
        for length in 0..sealed.len() {
            assert!(key.open("binding", &sealed[..length]).is_err(), "{length} bytes");
        }
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(key.open("binding", &changed).is_err(), "byte {position}");
        }
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        let key = SealingKey::generate();
        assert!(SealingKey::from_hex(&key.to_hex()).is_ok());
        for wrong in ["", "00", &"g".repeat(64), &"ä".repeat(32)] {
            assert!(SealingKey::from_hex(&SecretString::from(wrong.to_owned())).is_err(), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "***");
    }
}
