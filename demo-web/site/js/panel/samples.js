// Messages of every type, to look at and to change.

const CANDLES = {
  header: "Candles for longer evenings",
  body: "The dipped tapers are back, in moss and in cream. Members see them three days before everybody else.",
};

const WHEEL = `<!doctype html>
<html lang="en">
<style>
  body { background: radial-gradient(circle at 50% 0, #5a2f1e, #1b120e 70%); color: #f7e9d8; padding: 44px 28px 36px; text-align: center; }
  h1 { font: 600 28px/1.2 Georgia, serif; margin: 0 0 6px; }
  p { margin: 0 0 24px; opacity: .85; }
  button { background: #f2a05f; border: 0; border-radius: 99px; color: #1b120e; cursor: pointer; font: 600 17px system-ui; padding: 14px 34px; }
  output { display: block; font: 600 20px Georgia, serif; margin-top: 22px; min-height: 1.3em; }
  a { color: #f2c49a; }
</style>
<h1>Draw an evening</h1>
<p>One match, one surprise. What will it be?</p>
<button id="draw">Strike the match</button>
<output id="evening"></output>
<p><a href="/#goods" data-button="goods">Just show me the goods</a></p>
<script>
  const evenings = ["A long bath", "Soup for six", "Letters by hand", "Stars, and a blanket"];
  document.getElementById("draw").onclick = (event) => {
    const evening = evenings[Math.floor(Math.random() * evenings.length)];
    document.getElementById("evening").textContent = evening;
    event.target.textContent = "Once more";
    kindling.logClick("draw");
    kindling.logCustomEvent("drew_an_evening", { evening });
  };
</script>
</html>`;

export const SAMPLES = [
  {
    name: "Slide-up",
    message: {
      type: "slide_up",
      slide_from: "bottom",
      header: "Shipping is on us",
      body: "Two good things in one basket: we send them to you for free today.",
      image_url: "/img/thank-you.svg",
      image_alt: "A lit candle beside a parcel",
      click_action: { type: "open_url", url: "/#basket" },
    },
  },
  {
    name: "Slide-up with buttons",
    message: {
      type: "slide_up",
      slide_from: "top",
      header: "Shall we tell you when it is back?",
      body: "A short note, and nothing else.",
      buttons: [
        {
          id: "yes",
          text: "Yes, please",
          click_action: {
            type: "all",
            of: [{ type: "log_event", name: "wants_news", properties: { of: "tapers" } }, { type: "request_push" }],
          },
        },
        { id: "no", text: "No, thanks" },
      ],
    },
  },
  {
    name: "Modal",
    message: {
      type: "modal",
      ...CANDLES,
      image_url: "/img/dusk.svg",
      image_alt: "A hut at dusk, and a fire between birches",
      buttons: [
        { id: "look", text: "Have a look", click_action: { type: "open_url", url: "/#goods" } },
        { id: "later", text: "Later" },
      ],
    },
  },
  {
    name: "Modal in four languages",
    message: {
      type: "modal",
      ...CANDLES,
      language: "en",
      buttons: [
        { id: "look", text: "Have a look", click_action: { type: "open_url", url: "/#goods" } },
        { id: "later", text: "Later" },
      ],
      translations: {
        de: {
          header: "Kerzen für lange Abende",
          body: "Die getauchten Kerzen sind wieder da, in Moos und in Creme. Mitglieder sehen sie drei Tage früher.",
          buttons: { look: "Ansehen", later: "Später" },
          close_label: "Schließen",
        },
        ar: {
          header: "شموع لأمسيات أطول",
          body: "عادت الشموع المغموسة يدويا بلون الطحلب والكريم. يراها الأعضاء قبل الجميع بثلاثة أيام.",
          buttons: { look: "ألق نظرة", later: "لاحقا" },
          close_label: "إغلاق",
        },
        he: {
          header: "נרות לערבים ארוכים",
          body: "הנרות הטבולים חזרו, בגוון אזוב ובגוון שמנת. חברים רואים אותם שלושה ימים לפני כולם.",
          buttons: { look: "לראות", later: "אחר כך" },
          close_label: "סגירה",
        },
      },
    },
  },
  {
    name: "Modal in colours of its own",
    message: {
      type: "modal",
      header: "Moss week",
      body: "All greens, ten per cent less, until Sunday night.",
      theme: {
        light: { surface: "#1f3a2d", text: "#f2f7ef", muted: "#c4d4c6", accent: "#f2c14e", on_accent: "#1f2a1f", edge: "#365646" },
        dark: { surface: "#14251d", text: "#e8f0e6", muted: "#b3c6b6", accent: "#f2c14e", on_accent: "#1f2a1f", edge: "#2c4638" },
      },
      buttons: [
        {
          id: "greens",
          text: "Show me the greens",
          click_action: { type: "set_attributes", attributes: { likes: "moss" } },
        },
        {
          id: "no",
          text: "No, thanks",
          style: {
            light: { background: "#2c4f3e", text: "#f2f7ef" },
            dark: { background: "#233c30", text: "#e8f0e6" },
          },
        },
      ],
    },
  },
  {
    name: "Full screen",
    message: {
      type: "full_screen",
      header: "The winter workshop",
      body: "Six evenings, eight seats, one long table. You leave with a dozen candles, and hands that smell of beeswax.",
      image_url: "/img/dusk.svg",
      image_alt: "A hut at dusk, and a fire between birches",
      buttons: [
        { id: "seat", text: "Keep me a seat", click_action: { type: "log_event", name: "wants_a_seat" } },
        { id: "no", text: "Not this year" },
      ],
    },
  },
  {
    name: "Survey: one of several",
    message: {
      type: "survey",
      header: "How did you hear of us?",
      body: "One tap helps a small shop.",
      question: {
        type: "choice",
        options: [
          { id: "friends", text: "From friends" },
          { id: "market", text: "At a market" },
          { id: "search", text: "I was looking for candles" },
        ],
      },
      answer: { attribute: "heard_of_us" },
      submit: "Send",
      thanks: "Thank you, that helps.",
      buttons: [{ id: "later", text: "Not now" }],
    },
  },
  {
    name: "Survey: a number",
    message: {
      type: "survey",
      header: "Would you send a friend to us?",
      body: "Be frank. We are.",
      question: { type: "rating", from: 0, to: 10, low: "Rather not", high: "Gladly" },
      answer: { event: "recommended" },
      submit: "Send",
      thanks: "Thank you. We read every one of these.",
    },
  },
  {
    name: "Survey: text",
    message: {
      type: "survey",
      header: "What do you miss here?",
      body: "A thing, a colour, an answer.",
      question: { type: "text", placeholder: "A darker blue, and a taper stand …" },
      answer: { event: "missed_something" },
      submit: "Send",
      buttons: [{ id: "nothing", text: "Nothing" }],
    },
  },
  {
    name: "HTML",
    message: { type: "html", header: "Draw an evening", body: "Draw an evening: one match, one surprise.", html: WHEEL },
  },
];
