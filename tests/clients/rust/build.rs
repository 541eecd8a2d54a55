//! Generates the client from the document that `OPENAPI_JSON` names.

use std::{env, error::Error, fs, path::Path};

use progenitor::{GenerationSettings, Generator, InterfaceStyle};
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let document = env::var("OPENAPI_JSON")?;
    println!("cargo:rerun-if-env-changed=OPENAPI_JSON");
    println!("cargo:rerun-if-changed={document}");
    // The generator gives errors a type only if their content type is JSON.
    let text = fs::read_to_string(document)?.replace("application/problem+json", "application/json");
    let mut document: Value = serde_json::from_str(&text)?;
    // The generator does not support an operation that succeeds with and without a body: 204 says here that an event
    // stream is over.
    let stream = document.pointer_mut("/paths/~1api~1chat~1rooms~1{room_id}~1events/get/responses");
    stream.and_then(Value::as_object_mut).ok_or("there are no event streams")?.remove("204");

    let mut settings = GenerationSettings::default();
    settings.with_interface(InterfaceStyle::Builder);
    // What a document says of security, the generator leaves to the program.
    settings.with_pre_hook("crate::as_guest".parse()?);
    let client = Generator::new(&settings).generate_tokens(&serde_json::from_value(document)?)?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("chat.rs"), client.to_string())?;
    Ok(())
}
