//! The colours of a message. Text must stand out from what it stands on: that is checked when a definition is written.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::{
    decode::{DecodeError, Fields, Path},
    value::Value,
};

/// The contrast that text must have at least (WCAG 2.2, 1.4.3, level AA).
const CONTRAST: f64 = 4.5;

/// An opaque colour of sRGB. In JSON: `"#b3431e"` or `"#fff"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// The colours of a message, where it has any of its own. Without them it has the site's, or the SDK's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Theme {
    /// For visitors who like light pages.
    #[serde(skip_serializing_if = "Palette::is_empty")]
    pub light: Palette,
    /// For visitors who like dark ones.
    #[serde(skip_serializing_if = "Palette::is_empty")]
    pub dark: Palette,
}

/// What is painted with which colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Palette {
    /// What everything stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surface: Option<Color>,
    /// The header, and all that is not muted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Color>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<Color>,
    /// The first button.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accent: Option<Color>,
    /// What stands on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_accent: Option<Color>,
    /// Lines around things.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<Color>,
}

/// The colours of one button.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ButtonTheme {
    /// For visitors who like light pages.
    #[serde(skip_serializing_if = "ButtonPalette::is_empty")]
    pub light: ButtonPalette,
    /// For visitors who like dark ones.
    #[serde(skip_serializing_if = "ButtonPalette::is_empty")]
    pub dark: ButtonPalette,
}

/// What is painted on a button with which colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ButtonPalette {
    /// What its text stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<Color>,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Color>,
    /// The line around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub border: Option<Color>,
}

/// The colours that the SDK paints with where nobody says others, as `sdk/js/display/look.js` has them.
struct Defaults {
    surface: Color,
    text: Color,
    muted: Color,
    accent: Color,
    on_accent: Color,
}

const LIGHT: Defaults = Defaults {
    surface: Color::of(0xff_ff_ff),
    text: Color::of(0x1d_1b_19),
    muted: Color::of(0x5b_56_50),
    accent: Color::of(0xb3_43_1e),
    on_accent: Color::of(0xff_ff_ff),
};
const DARK: Defaults = Defaults {
    surface: Color::of(0x26_23_20),
    text: Color::of(0xf4_ef_e9),
    muted: Color::of(0xbc_b3_a9),
    accent: Color::of(0xf0_91_5f),
    on_accent: Color::of(0x1d_1b_19),
};

impl Color {
    const fn of(number: u32) -> Self {
        let [_, red, green, blue] = number.to_be_bytes();
        Self { red, green, blue }
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        match digits.len() {
            3 => {
                let (red, green, blue) = (number >> 8, number >> 4 & 0xf, number & 0xf);
                Some(Self::of((red << 16 | green << 8 | blue) * 0x11))
            }
            6 => Some(Self::of(number)),
            _ => None,
        }
    }

    fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let color = value.as_str().and_then(Self::parse);
        color.ok_or_else(|| path.expected("a colour like \"#b3431e\""))
    }

    fn text(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// How bright it is, from 0 to 1 (WCAG 2.2, "relative luminance").
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// How far it stands out from another, from 1 to 21 (WCAG 2.2, "contrast ratio").
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

impl Serialize for Color {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// Two colours that meet: the name of one that a definition gives, and what each comes to.
type Pair<'a> = ((&'a str, Option<Color>, Color), (&'a str, Option<Color>, Color));

/// Holds a text and what it stands on against the contrast that text must have, if the definition gives one of them.
fn check(
    ((name, color, otherwise), (ground, on, ground_otherwise)): Pair<'_>,
    path: &Path<'_>,
) -> Result<(), DecodeError> {
    if color.is_none() && on.is_none() {
        return Ok(());
    }
    let (text, on_color) = (color.unwrap_or(otherwise), on.unwrap_or(ground_otherwise));
    let contrast = text.contrast(on_color);
    if contrast >= CONTRAST {
        return Ok(());
    }
    // Cut off, not rounded: 4.499 is not 4.5.
    let hundredths = (contrast * 100.0).floor() / 100.0;
    let expected = format!(
        "a contrast of at least 4.5:1 between {name} {} and {ground} {}, which have {hundredths}:1",
        text.text(),
        on_color.text()
    );
    let place = if color.is_some() { name } else { ground };
    Err(Path::Member(path, place).expected_of(Cow::Owned(expected)))
}

impl Theme {
    /// Whether no colour is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(value: &Value, path: &Path<'_>) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["light", "dark"], "light and dark only")?;
        let read = |name, defaults: &Defaults| {
            fields.read(name, |value, path| Palette::read(value, path, defaults)).map(Option::unwrap_or_default)
        };
        Ok(Self { light: read("light", &LIGHT)?, dark: read("dark", &DARK)? })
    }
}

impl Palette {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn read(value: &Value, path: &Path<'_>, defaults: &Defaults) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(
            &["surface", "text", "muted", "accent", "on_accent", "edge"],
            "surface, text, muted, accent, on_accent or edge",
        )?;
        let color = |name| fields.read(name, Color::read);
        let palette = Self {
            surface: color("surface")?,
            text: color("text")?,
            muted: color("muted")?,
            accent: color("accent")?,
            on_accent: color("on_accent")?,
            edge: color("edge")?,
        };
        let surface = ("surface", palette.surface, defaults.surface);
        check((("text", palette.text, defaults.text), surface), path)?;
        check((("muted", palette.muted, defaults.muted), surface), path)?;
        let accent = ("accent", palette.accent, defaults.accent);
        check((("on_accent", palette.on_accent, defaults.on_accent), accent), path)?;
        Ok(palette)
    }
}

impl ButtonTheme {
    /// Whether no colour is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads the colours of a button; `theme` are those of its message, and `first` is the button that stands out.
    pub(super) fn read(value: &Value, path: &Path<'_>, theme: &Theme, first: bool) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["light", "dark"], "light and dark only")?;
        let read = |name, palette: &Palette, defaults: &Defaults| {
            let (background, text) = if first {
                (palette.accent.unwrap_or(defaults.accent), palette.on_accent.unwrap_or(defaults.on_accent))
            } else {
                (palette.surface.unwrap_or(defaults.surface), palette.text.unwrap_or(defaults.text))
            };
            let read = |value: &Value, path: &Path<'_>| ButtonPalette::read(value, path, background, text);
            fields.read(name, read).map(Option::unwrap_or_default)
        };
        Ok(Self { light: read("light", &theme.light, &LIGHT)?, dark: read("dark", &theme.dark, &DARK)? })
    }
}

impl ButtonPalette {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn read(value: &Value, path: &Path<'_>, background: Color, text: Color) -> Result<Self, DecodeError> {
        let fields = Fields::of(value, path)?;
        fields.only(&["background", "text", "border"], "background, text or border")?;
        let color = |name| fields.read(name, Color::read);
        let palette = Self { background: color("background")?, text: color("text")?, border: color("border")? };
        check((("text", palette.text, text), ("background", palette.background, background)), path)?;
        Ok(palette)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(a: &str, b: &str) -> f64 {
        Color::parse(a).unwrap().contrast(Color::parse(b).unwrap())
    }

    #[test]
    fn contrast_is_as_in_its_specification() {
        assert!((contrast("#000", "#fff") - 21.0).abs() < 1e-9);
        assert!((contrast("#808080", "#808080") - 1.0).abs() < 1e-9);
        // The pair that is known as the lightest grey that may stand on white, and the next one.
        assert!(contrast("#767676", "#ffffff") >= CONTRAST);
        assert!(contrast("#777777", "#ffffff") < CONTRAST);
    }

    #[test]
    fn colours_are_read() {
        assert_eq!(Color::parse("#FA3"), Some(Color::of(0xff_aa_33)));
        assert_eq!(Color::parse("#b3431e").map(Color::text).as_deref(), Some("#b3431e"));
        for bad in ["", "#", "red", "#ff", "#ffff", "#fffffff", "#ggg", "b3431e", "#+ff", "#12345é", "#ffffff80"] {
            assert_eq!(Color::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_the_sdk_paints_with_stands_out() {
        for colors in [LIGHT, DARK] {
            assert!(colors.text.contrast(colors.surface) >= CONTRAST);
            assert!(colors.muted.contrast(colors.surface) >= CONTRAST);
            assert!(colors.on_accent.contrast(colors.accent) >= CONTRAST);
        }
    }

    #[test]
    fn text_that_can_not_be_read_is_refused_with_its_contrast() {
        let read = |json: &str| Theme::read(&serde_json::from_str(json).unwrap(), &Path::Definition);
        assert!(read(r##"{"light":{"surface":"#123","text":"#eee","muted":"#ddd"},"dark":{"edge":"#777"}}"##).is_ok());
        for (json, wanted) in [
            (
                r##"{"light":{"text":"#777777"}}"##,
                "$.light.text: expected a contrast of at least 4.5:1 between text #777777 and surface #ffffff, which have 4.47:1",
            ),
            // The surface alone: the SDK's own text would stand on it.
            (r##"{"light":{"surface":"#332211"}}"##, "$.light.surface: expected a contrast"),
            (r##"{"dark":{"surface":"#fff","text":"#000"}}"##, "between muted #bcb3a9 and surface #ffffff"),
            (r##"{"light":{"accent":"#ff0","on_accent":"#fff"}}"##, "between on_accent #ffffff and accent #ffff00"),
            (r##"{"light":{"text":"black"}}"##, "$.light.text: expected a colour"),
            (r##"{"light":{"ink":"#000"}}"##, "$.light.ink: expected surface, text"),
            (r##"{"night":{}}"##, "$.night: expected light and dark"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }

    #[test]
    fn a_button_is_held_against_what_it_has_from_its_message() {
        let read = |json: &str, theme: &Theme, first| {
            ButtonTheme::read(&serde_json::from_str(json).unwrap(), &Path::Definition, theme, first)
        };
        let night = Palette { surface: Some(Color::of(0)), ..Palette::default() };
        let theme = Theme { light: night, dark: night };
        let white = r##"{"light":{"text":"#fff"}}"##;
        assert!(read(white, &Theme::default(), true).is_ok(), "on the accent");
        assert!(read(white, &Theme::default(), false).is_err(), "on a white surface");
        assert!(read(white, &theme, false).is_ok(), "on a black one");
        let error = read(r##"{"dark":{"background":"#888","text":"#999"}}"##, &theme, true).unwrap_err().to_string();
        assert!(error.starts_with("at $.dark.text: expected a contrast of at least 4.5:1 between text"), "{error}");
    }
}
