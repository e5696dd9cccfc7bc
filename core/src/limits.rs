//! Every bound of the system, once, with its reason. Past a bound there is a clear error, never silent truncation.

use crate::time::Duration;

/// Names of events, attributes, products and properties, in characters. What teams of this field already keep to.
pub const NAME_CHARS: usize = 255;
/// A string inside properties or attributes, in bytes: long enough for a URL or a note.
pub const STRING_BYTES: usize = 8 * 1024;
/// Properties of one event, or the value of one custom attribute, as JSON bytes.
pub const PROPERTIES_BYTES: usize = 50 * 1024;
/// Nesting of arrays and objects inside properties or an attribute's value: no human writes deeper, and recursion stays safe.
pub const VALUE_DEPTH: usize = 16;
/// An external id, in bytes.
pub const EXTERNAL_ID_BYTES: usize = 997;
/// The id of a workspace, segment or campaign, in bytes.
pub const SLUG_BYTES: usize = 64;
/// Up to here every whole number is exact (2^53 - 1): numbers are what they are in a browser.
pub const SAFE_INTEGER: i64 = 9_007_199_254_740_991;

/// Pieces in one purchase.
pub const PURCHASE_QUANTITY: u32 = 100;
/// The price of one piece, in hundredths of the currency's unit (ten million units).
pub const PRICE_HUNDREDTHS: i64 = 1_000_000_000;

/// Records in one flush. With 150 bytes each that is 75 KB: one round trip, and a bounded piece of a transaction.
pub const BATCH_RECORDS: usize = 500;
/// Bytes of one flush. The SDK stays far below it, so that only a broken client meets it.
pub const FLUSH_BODY_BYTES: usize = 1024 * 1024;
/// Bytes of a flush that was sent compressed, when it is decompressed: as much as may be sent plain, so that compressing a flush
/// never makes it cost the server more.
pub const FLUSH_PLAIN_BYTES: usize = FLUSH_BODY_BYTES;
/// Bytes of records that the SDK puts in one flush.
pub const FLUSH_TARGET_BYTES: usize = 256 * 1024;
/// Bytes of a flush sent while the page closes: browsers allow 64 KiB of keepalive bodies at a time, for the whole page.
pub const KEEPALIVE_BYTES: usize = 50 * 1024;
/// Records that make a flush due at once.
pub const FLUSH_DUE_RECORDS: usize = 50;
/// Records that the SDK keeps while the server is out of reach.
pub const QUEUE_RECORDS: usize = 10_000;
/// Bytes of records that the SDK keeps: browsers give a site about 5 MB of storage, and the site needs its share.
pub const QUEUE_BYTES: usize = 2 * 1024 * 1024;

/// Distinct event names on one profile. Names made up at run time ("viewed_4711") meet it; properties are for those.
pub const PROFILE_EVENT_NAMES: usize = 1_000;
/// Custom attributes on one profile.
pub const PROFILE_ATTRIBUTES: usize = 1_000;
/// Distinct products on one profile; beyond it purchases still count in total and revenue, not by product.
pub const PROFILE_PRODUCTS: usize = 2_000;
/// Distinct campaigns on one profile whose message the user saw, clicked or put away.
pub const PROFILE_MESSAGES: usize = 2_000;
/// Distinct buttons of a campaign whose clicks are counted one by one: a campaign may change its buttons, but not for ever. Beyond
/// it they count as clicks of the message.
pub const MESSAGE_BUTTONS_COUNTED: usize = 16;
/// Subscription groups on one profile. A person who chooses does so among dozens; more are made up at run time.
pub const PROFILE_GROUPS: usize = 500;
/// Elements of an array attribute.
pub const ARRAY_ELEMENTS: usize = 500;
/// Changes of one custom attribute that are kept apart from its value, so that a `set` which arrives late can still be put before
/// or after each of them. It is what another device does while one is offline; more would cost every profile with a busy counter
/// more than the kilobyte that it costs now.
pub const ATTRIBUTE_CHANGES: usize = 32;
/// Bytes of the kept changes of one custom attribute: no more than the value itself may have.
pub const ATTRIBUTE_CHANGES_BYTES: usize = PROPERTIES_BYTES;
/// How far from zero a number may be to be incremented, and to be an increment. In billionths, 10^11 of the greatest still fit
/// into 128 bits, so that no sum of them ever stops short.
pub const COUNTED: f64 = 1e18;
/// Names in the path of a nested value: as deep as values may be nested.
pub const PATH_NAMES: usize = VALUE_DEPTH;
/// Times kept of an event: counts in a window are exact up to here, and a filter may not ask for more.
pub const EVENT_RECENT_TIMES: usize = 64;
/// Purchases that are kept one by one: what was bought or spent in a window is exact up to here.
pub const RECENT_PURCHASES: usize = 64;

/// Nesting of a filter.
pub const FILTER_DEPTH: usize = 16;
/// Conditions in one filter, all branches together.
pub const FILTER_NODES: usize = 256;
/// Conditions of a filter and of all the segments that it stands on, together.
pub const FILTER_NODES_DEEP: usize = 4_096;
/// Values in a list of a filter.
pub const FILTER_VALUES: usize = 256;
/// A regular expression, in bytes.
pub const PATTERN_BYTES: usize = 1_000;
/// Counters that the filters of a workspace may ask for beside those that every profile has.
pub const TRACKED: usize = 1_000;
/// The longest window of a filter: two years.
pub const FILTER_WINDOW: Duration = Duration::from_days(731);

/// In-app messages that one answer carries; beyond it the ones with the highest priority go.
pub const MESSAGES_HELD: usize = 100;
/// Text of a message (header, body, a button …), in bytes.
pub const MESSAGE_TEXT_BYTES: usize = 4 * 1024;
/// Buttons of a message.
pub const MESSAGE_BUTTONS: usize = 2;
/// Triggers of one message: a device looks at all of them for each occurrence.
pub const MESSAGE_TRIGGERS: usize = 16;
/// The page of an HTML message, in bytes: room for a layout with its styles and a few inline drawings. All of it travels in an answer, and
/// stands in the storage of the device.
pub const MESSAGE_HTML_BYTES: usize = 64 * 1024;
/// Languages that a message is written in, beside its first.
pub const MESSAGE_LANGUAGES: usize = 64;
/// Actions that follow from one click.
pub const MESSAGE_ACTIONS: usize = 8;
/// Attributes that a click sets.
pub const MESSAGE_ATTRIBUTES: usize = 32;
/// Answers that a survey offers, at most: more don't fit on a phone.
pub const SURVEY_OPTIONS: usize = 12;
/// Key-value pairs of a message.
pub const MESSAGE_EXTRAS: usize = 32;
/// Tags and printed expressions in one template: nobody writes so many, and each nests the compiler once at most.
pub const TEMPLATE_TAGS: usize = 256;
/// Bytes between the delimiters of a template: an expression can be nested as deep as it is long.
pub const TEMPLATE_CODE_BYTES: usize = 512;
/// Elements of a list that a template goes over or filters: twice what an attribute may have.
pub const TEMPLATE_ITEMS: usize = 2 * ARRAY_ELEMENTS;
/// What rendering one template may cost, in bytes that are looked at or made, a round of a loop counting as 512. It is
/// a thousand times what a greeting costs, and milliseconds at most.
pub const TEMPLATE_WORK: usize = 1024 * 1024;
/// Messages of which a device remembers when it showed them. Beyond it the longest ago is forgotten; the server remembers.
pub const HISTORY_MESSAGES: usize = 500;
/// Messages that a frequency cap may allow in its time: as many times as are kept of each campaign, so that every count is exact.
pub const CAP_COUNT: u32 = 64;
/// The longest time of a frequency cap.
pub const CAP_PER: Duration = Duration::from_days(90);
/// Frequency caps of a workspace: each is looked at before each message.
pub const CAPS: usize = 16;
/// Tags of a campaign.
pub const CAMPAIGN_TAGS: usize = 16;
/// Variants of a campaign: of one that fewer than one in ten get, nothing can be learnt.
pub const VARIANTS: usize = 10;
/// Messages seen of which a device remembers when, for frequency caps. The server remembers more.
pub const HISTORY_SEEN: usize = 256;
/// How long after its trigger a message may be shown.
pub const MESSAGE_DELAY: Duration = Duration::from_days(1);
/// Messages of a device that wait for their delay to be over. Beyond it no more begin to wait.
pub const MESSAGES_DELAYED: usize = 32;
/// Events that wait for the messages which their own flush may bring.
pub const PENDING_OCCURRENCES: usize = 64;

/// What counts as a conversion of a campaign, in how many ways: one that matters, and a few that lead there.
pub const CONVERSIONS: usize = 4;
/// How long after an impression something may happen and still be a conversion, at least.
pub const CONVERSION_WITHIN_LEAST: Duration = Duration::from_seconds(1);
/// And at most: after a month, hardly anything follows from a message.
pub const CONVERSION_WITHIN_MOST: Duration = Duration::from_days(30);
/// Impressions of a campaign that are kept one by one for each user, the last ones, to tell what an event that arrives late follows.
pub const IMPRESSIONS_KEPT: usize = 16;
/// Variants of a campaign in which one user can have seen it. Assignments do not change: more than one takes two devices, or an edit.
pub const VARIANTS_SEEN: usize = 16;
/// Events that pass the tests of a conversion and are kept one by one for each user, the last ones, to tell what follows an
/// impression that arrives late. (Of events of which nothing is tested, the profile has the last [`EVENT_RECENT_TIMES`].)
pub const OUTCOMES_KEPT: usize = 8;
/// Campaigns of which it is kept that they reached a user. It is more than twice what a device holds; of further ones, who saw them counts.
pub const CAMPAIGNS_REACHED: usize = 256;
/// Days of one report: a year, of which a leap year is the longest.
pub const REPORT_DAYS: i64 = 366;

/// The JWT by which a site proves who its user is, in bytes: room for the longest external id, however it is written in there, beside
/// the signature of the longest key.
pub const SDK_SIGNATURE_BYTES: usize = 8 * 1024;
/// Public keys of a workspace: one in use, one that comes, one that goes.
pub const SDK_PUBLIC_KEYS: usize = 3;
/// Bits of an RSA key, at least: what is still taken as safe.
pub const RSA_BITS_LEAST: usize = 2048;
/// Bits of an RSA key, at most. Each doubling makes verifying four times slower, and anybody can have something verified.
pub const RSA_BITS_MOST: usize = 4096;

/// How far ahead of the server's clock a record may lie after correction.
pub const CLOCK_FUTURE: Duration = Duration::from_seconds(300);
/// How old a record may be: about the 13 months that an unused device keeps its storage.
pub const CLOCK_PAST: Duration = Duration::from_days(400);
/// How far a device's clock may be from the server's, time of travel included, and still be taken as right.
pub const CLOCK_TOLERANCE: Duration = Duration::from_seconds(15);
/// Names in a flush's list of what may be taken from its User-Agent header: four are known, and newer SDKs may know more.
pub const AGENT_PARTS: usize = 16;
/// Numbers of an app's version number: `1.2.3.4`.
pub const VERSION_NUMBERS: usize = 4;
/// Texts that say where an SDK comes from. A way of installing it adds one or two.
pub const SDK_METADATA: usize = 16;
/// One of these texts, in characters: it is a word, like `npm`.
pub const SDK_METADATA_CHARS: usize = 64;
/// Devices that are remembered of a user; a shared account meets it.
pub const USER_DEVICES: usize = 100;
/// Aliases of a user: one for each system that knows them, and for each id that they had there.
pub const USER_ALIASES: usize = 100;
/// Users in a row of whom each turned out to be the next one. Only an anonymous visitor is ever merged, so one is all there is.
pub const MERGE_CHAIN: usize = 4;
