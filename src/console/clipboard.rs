//! Copying over SSH: OSC 52 to whatever terminal is at the other end. Nobody answers, so no success is claimed.

use crossterm::Command;
use crossterm::clipboard::CopyToClipboard;

use super::settings::Osc52;

/// Encoded bytes that terminals take at most: 100,000 of the sequence in base64, as k9s and others found.
const MOST: usize = 74_994;

/// The bytes to write for a text, or why it cannot be sent.
pub(super) fn sequence(text: &str, mode: Osc52) -> Result<String, String> {
    if mode == Osc52::Off {
        return Err("copying is off (osc52 = \"off\")".into());
    }
    let encoded = text.len().div_ceil(3) * 4;
    if encoded > MOST {
        return Err(format!("{encoded} bytes are more than the {MOST} that terminals take"));
    }
    let mut plain = String::new();
    CopyToClipboard::to_clipboard_from(text).write_ansi(&mut plain).map_err(|e| e.to_string())?;
    // tmux passes on what is wrapped in its own control string, with every escape doubled.
    Ok(if mode == Osc52::Tmux { format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")) } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_wrapped_too_long_and_off() {
        assert_eq!(sequence("hi", Osc52::Auto).as_deref(), Ok("\x1b]52;c;aGk=\x1b\\"));
        assert_eq!(sequence("hi", Osc52::Tmux).as_deref(), Ok("\x1bPtmux;\x1b\x1b]52;c;aGk=\x1b\x1b\\\x1b\\"));
        assert!(sequence(&"x".repeat(56_244), Osc52::Raw).is_ok());
        assert!(sequence(&"x".repeat(56_247), Osc52::Raw).is_err());
        assert!(sequence("hi", Osc52::Off).is_err());
    }
}
