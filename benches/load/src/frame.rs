//! Frames of a WebSocket client (RFC 6455, section 5.2).

/// What a frame carries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text = 1,
    Binary = 2,
}

/// A frame with this payload. Clients have to mask theirs; the mask is zero, which leaves the payload as it is.
pub(crate) fn masked(kind: Kind, payload: &[u8]) -> Vec<u8> {
    const FIN: u8 = 0x80;
    const MASK: u8 = 0x80;
    let mut frame = vec![FIN | kind as u8];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(MASK | length as u8),
        Ok(length) => {
            frame.push(MASK | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(MASK | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
