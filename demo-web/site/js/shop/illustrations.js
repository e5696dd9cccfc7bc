// Drawings of the goods, by product id. Flat shapes without gradients or ids: a drawing may be on the page several times
// (shelf, dialog, basket), and one that refers to nothing can't break when another copy is hidden.

const DRAWINGS = {
  "beeswax-pillar": `
    <ellipse cx="122" cy="208" rx="88" ry="9" fill="#000" opacity=".1"/>
    <path d="M136 146v56c0 5 11 9 26 9s26-4 26-9v-56Z" fill="#e6c88b"/>
    <path d="M170 153v57c11-1 18-4 18-8v-56c0 3-7 6-18 7Z" fill="#c99f57"/>
    <ellipse cx="162" cy="146" rx="26" ry="8" fill="#f5e4bb"/>
    <ellipse cx="162" cy="147" rx="14" ry="4" fill="#dcbd7b"/>
    <path d="M162 147v-12" stroke="#3b2f2a" stroke-width="3" stroke-linecap="round"/>
    <path d="M162 88c12 17 15 33 0 48-15-15-12-31 0-48Z" fill="#ee9b34"/>
    <path d="M162 110c6 9 7 17 0 25-7-8-6-16 0-25Z" fill="#fdeab4"/>
    <path d="M62 104v98c0 5 14 10 33 10s33-5 33-10v-98Z" fill="#efd9a7"/>
    <path d="M106 112v99c13-1 22-5 22-9v-98c0 4-9 7-22 8Z" fill="#d3ae69"/>
    <path d="M74 112c1 20 1 36 4 36s2-10 5-10 2 22 6 22 2-40 3-47Z" fill="#f9ecc9"/>
    <ellipse cx="95" cy="104" rx="33" ry="10" fill="#f9ecc9"/>
    <ellipse cx="95" cy="105" rx="19" ry="5" fill="#e3c589"/>
    <path d="M95 105V90" stroke="#3b2f2a" stroke-width="3" stroke-linecap="round"/>
    <path d="M95 30c15 21 19 41 0 61-19-20-15-40 0-61Z" fill="#f2a33a"/>
    <path d="M95 58c8 11 9 22 0 32-9-10-8-21 0-32Z" fill="#fdeab4"/>`,

  "dipped-tapers": `
    <path d="M68 62c0-30 36-30 36 0m32 0c0-30 36-30 36 0" fill="none" stroke="#f6ecd8" stroke-width="2.5"/>
    <path d="M32 32h176v12H32Z" fill="#a8774a"/>
    <path d="M32 40h176v4H32Z" fill="#875c36"/>
    <path d="M80 30h12v16H80Zm68 0h12v16h-12Z" fill="#f6ecd8" opacity=".9"/>
    <circle cx="32" cy="38" r="7" fill="#c99764"/><circle cx="208" cy="38" r="7" fill="#875c36"/>
    <path d="M68 60c3 0 4 3 4 7 2 50 7 96 7 138 0 6-5 9-11 9s-11-3-11-9c0-42 5-88 7-138 0-4 1-7 4-7Z" fill="#4f6a61"/>
    <path d="M69 60c2 0 3 3 3 7 2 50 7 96 7 138 0 6-4 9-9 9 3-48 2-104-1-154Z" fill="#3a5048"/>
    <path d="M64 92c-1 30-3 60-4 92" fill="none" stroke="#86a096" stroke-width="2.5" stroke-linecap="round"/>
    <path d="M64 213c1 6 2 11 4 11s3-5 4-11Z" fill="#3a5048"/>
    <path d="M104 60c3 0 4 3 4 7 2 50 7 96 7 138 0 6-5 9-11 9s-11-3-11-9c0-42 5-88 7-138 0-4 1-7 4-7Z" fill="#4f6a61"/>
    <path d="M105 60c2 0 3 3 3 7 2 50 7 96 7 138 0 6-4 9-9 9 3-48 2-104-1-154Z" fill="#3a5048"/>
    <path d="M100 92c-1 30-3 60-4 92" fill="none" stroke="#86a096" stroke-width="2.5" stroke-linecap="round"/>
    <path d="M100 213c1 6 2 11 4 11s3-5 4-11Z" fill="#3a5048"/>
    <path d="M136 60c3 0 4 3 4 7 2 50 7 96 7 138 0 6-5 9-11 9s-11-3-11-9c0-42 5-88 7-138 0-4 1-7 4-7Z" fill="#efe0bd"/>
    <path d="M137 60c2 0 3 3 3 7 2 50 7 96 7 138 0 6-4 9-9 9 3-48 2-104-1-154Z" fill="#cfb681"/>
    <path d="M132 92c-1 30-3 60-4 92" fill="none" stroke="#fdf6e3" stroke-width="2.5" stroke-linecap="round"/>
    <path d="M132 213c1 6 2 11 4 11s3-5 4-11Z" fill="#cfb681"/>
    <path d="M172 60c3 0 4 3 4 7 2 50 7 96 7 138 0 6-5 9-11 9s-11-3-11-9c0-42 5-88 7-138 0-4 1-7 4-7Z" fill="#efe0bd"/>
    <path d="M173 60c2 0 3 3 3 7 2 50 7 96 7 138 0 6-4 9-9 9 3-48 2-104-1-154Z" fill="#cfb681"/>
    <path d="M168 92c-1 30-3 60-4 92" fill="none" stroke="#fdf6e3" stroke-width="2.5" stroke-linecap="round"/>
    <path d="M168 213c1 6 2 11 4 11s3-5 4-11Z" fill="#cfb681"/>`,

  "storm-lantern": `
    <ellipse cx="120" cy="212" rx="62" ry="7" fill="#000" opacity=".12"/>
    <path d="M74 118C56 24 184 24 166 118" fill="none" stroke="#343a3f" stroke-width="4"/>
    <path d="M106 47h28v9h-28Z" fill="#b98352"/>
    <path d="M104 62h32v8h-32Z" fill="#8f3420"/>
    <path d="M108 70h24l10 18H98Z" fill="#b8472b"/>
    <path d="M124 70h8l10 18h-16Z" fill="#8f3420"/>
    <path d="M90 88h60v7H90Z" fill="#8f3420"/>
    <path d="M88 92C62 104 60 160 82 180m70-88c26 12 28 68 6 88" fill="none" stroke="#b8472b" stroke-width="8"/>
    <path d="M152 92c26 12 28 68 6 88" fill="none" stroke="#8f3420" stroke-width="8"/>
    <path d="M98 95h44c18 20 18 54 2 75H96c-16-21-16-55 2-75Z" fill="#f9e3ac"/>
    <path d="M128 95h14c18 20 18 54 2 75h-12c12-23 12-52-4-75Z" fill="#ecc878"/>
    <path d="M120 112c14 18 17 34 0 52-17-18-14-34 0-52Z" fill="#f2a33a"/>
    <path d="M120 134c7 10 8 19 0 29-8-10-7-19 0-29Z" fill="#fff3cf"/>
    <path d="M101 104c-6 14-7 34-2 50" fill="none" stroke="#fff8e4" stroke-width="4" stroke-linecap="round"/>
    <path d="M82 132h76" stroke="#343a3f" stroke-width="2.5" opacity=".55"/>
    <path d="M94 168h52v11H94Z" fill="#343a3f"/>
    <path d="M82 178h76l12 26c2 5-2 8-8 8H78c-6 0-10-3-8-8Z" fill="#b8472b"/>
    <path d="M138 178h20l12 26c2 5-2 8-8 8h-22c4-10 3-24-2-34Z" fill="#8f3420"/>
    <circle cx="96" cy="192" r="6" fill="#d9b36a"/>`,

  "long-matches": `
    <ellipse cx="122" cy="212" rx="76" ry="7" fill="#000" opacity=".12"/>
    <g stroke="#dcbb8a" stroke-width="7">
      <path d="M82 128V56M95 128V44m13 84V60m13 68V40m13 88V54m13 74V46m12 82V62"/>
    </g>
    <g stroke="#c29b66" stroke-width="2">
      <path d="M84 128V56m13 72V44m13 84V60m13 68V40m13 88V54m13 74V46m12 82V62"/>
    </g>
    <g fill="#b23c26">
      <ellipse cx="82" cy="54" rx="5.5" ry="8"/><ellipse cx="95" cy="42" rx="5.5" ry="8"/><ellipse cx="108" cy="58" rx="5.5" ry="8"/>
      <ellipse cx="121" cy="38" rx="5.5" ry="8"/><ellipse cx="134" cy="52" rx="5.5" ry="8"/><ellipse cx="147" cy="44" rx="5.5" ry="8"/><ellipse cx="159" cy="60" rx="5.5" ry="8"/>
    </g>
    <path d="M70 104h102v20H70Z" fill="#e9dcc1"/>
    <path d="M62 114h118v97H62Z" fill="#27415a"/>
    <path d="M164 114h16v97h-16Z" fill="#1b2f42"/>
    <path d="M166 118h12v89h-12Z" fill="#6a4733"/>
    <path d="M74 126h78v73H74Z" fill="#f3ead9"/>
    <path d="M79 131h68v63H79Z" fill="none" stroke="#27415a" stroke-width="1.5"/>
    <path d="M113 138c14 17 17 31 0 46-17-15-14-29 0-46Z" fill="#d9582b"/>
    <path d="M113 158c7 9 8 17 0 25-8-8-7-16 0-25Z" fill="#f3c56b"/>
    <path d="M90 188h46" stroke="#27415a" stroke-width="2.5"/>`,

  "fire-starters": `
    <ellipse cx="120" cy="210" rx="86" ry="8" fill="#000" opacity=".12"/>
    <g>
      <circle cx="82" cy="112" r="29" fill="#d8b27c"/><circle cx="158" cy="112" r="29" fill="#d8b27c"/>
      <circle cx="120" cy="82" r="30" fill="#e4c391"/><circle cx="120" cy="124" r="30" fill="#cda469"/>
    </g>
    <g fill="none" stroke-width="3" stroke-linecap="round">
      <path stroke="#a97b45" d="M120 82c4-6 12-1 9 6-4 9-19 8-21-3-2-13 13-21 24-14 13 8 11 27-2 32"/>
      <path stroke="#f6dfb5" d="M104 70c6-8 18-12 28-6m-34 22c-2 8 4 17 12 20"/>
      <path stroke="#a97b45" d="M80 112c4-5 11 0 8 6-5 8-19 5-20-6-1-12 14-18 24-11 11 8 8 26-5 30"/>
      <path stroke="#efd3a2" d="M60 106c3-9 13-15 22-14"/>
      <path stroke="#a97b45" d="M158 112c4-5 11 0 8 6-5 8-19 5-20-6-1-12 14-18 24-11 11 8 8 26-5 30"/>
      <path stroke="#efd3a2" d="M138 104c3-7 12-13 20-12"/>
      <path stroke="#946735" d="M120 124c4-5 11 0 8 6-5 8-19 5-20-6-1-12 14-18 24-11"/>
      <path stroke="#a97b45" d="M70 92c-6-10-2-18 4-22m96 22c6-8 4-18-2-22m-50-22c-4-8 4-14 8-10"/>
    </g>
    <path d="M46 134h148v72H46Z" fill="#b98352"/>
    <path d="M46 134h148v22H46Z" fill="#c99764"/>
    <path d="M46 156h148v3H46Zm0 24h148v3H46Z" fill="#8f6237"/>
    <path d="M46 134h12v72H46Zm136 0h12v72h-12Z" fill="#9a6a3f"/>
    <path d="M84 162h72v32H84Z" fill="#f3ead9"/>
    <path d="M96 173h48m-40 10h32" stroke="#7a5433" stroke-width="3" stroke-linecap="round"/>
    <g fill="#5d4128"><circle cx="52" cy="145" r="2"/><circle cx="52" cy="195" r="2"/><circle cx="188" cy="145" r="2"/><circle cx="188" cy="195" r="2"/></g>`,

  "kindling-axe": `
    <ellipse cx="112" cy="213" rx="88" ry="8" fill="#000" opacity=".12"/>
    <path d="M36 148v50c0 9 32 16 72 16s72-7 72-16v-50Z" fill="#6d4c35"/>
    <path d="M134 162v50c27-2 46-8 46-14v-50c0 7-19 12-46 14Z" fill="#523723"/>
    <path d="M52 164v42m20-37v44m24-42v43m26-43v42" stroke="#523723" stroke-width="3" stroke-linecap="round" opacity=".7"/>
    <ellipse cx="108" cy="148" rx="72" ry="21" fill="#dcb587"/>
    <g fill="none" stroke="#b98a5a" stroke-width="2"><ellipse cx="108" cy="148" rx="54" ry="15"/><ellipse cx="108" cy="148" rx="36" ry="10"/><ellipse cx="108" cy="148" rx="18" ry="5"/></g>
    <path d="M98 120c34-14 62-34 84-62 8-10 14-18 22-24 5-4 13 2 10 9-4 9-12 18-20 28-26 30-54 50-88 62Z" fill="#c99764"/>
    <path d="M102 128c36-13 66-34 92-64 8-10 14-16 20-24 1 2 1 4 0 7-4 9-12 18-20 28-26 30-54 50-88 62Z" fill="#9a6a3f"/>
    <path d="M88 96c10-2 20 2 26 10l14 24c2 5 0 9-5 11l-10 4c-16-2-36-1-52 5-4-22 4-44 27-54Z" fill="#c4cacd"/>
    <path d="M61 150c-4-22 4-44 27-54-12 14-16 32-14 50-5 1-9 2-13 4Z" fill="#eef1f1"/>
    <path d="M106 100c4 2 6 4 8 6l14 24c2 5 0 9-5 11l-10 4c8-14 4-32-7-45Z" fill="#868e93"/>
    <path d="M58 152c16-8 40-10 60-5" stroke="#8a5f38" stroke-width="5" fill="none" stroke-linecap="round"/>`,

  "enamel-mug": `
    <ellipse cx="114" cy="210" rx="72" ry="8" fill="#000" opacity=".12"/>
    <path d="M88 68c-8-12 8-18 0-32m26 32c-8-12 8-18 0-32m26 32c-8-12 8-18 0-32" stroke="#fff" stroke-width="4" stroke-linecap="round" fill="none" opacity=".55"/>
    <path d="M160 116c48-8 48 66-4 62" fill="none" stroke="#1b2f42" stroke-width="13"/>
    <path d="M158 113c46-6 46 60-2 58" fill="none" stroke="#2f4d69" stroke-width="7"/>
    <path d="M56 92h112v92c0 18-10 27-26 27H82c-16 0-26-9-26-27Z" fill="#27415a"/>
    <path d="M136 92h32v92c0 18-10 27-26 27h-26c16 0 22-10 22-27Z" fill="#1b2f42"/>
    <path d="M68 108v70c0 8 2 14 6 18" stroke="#476785" stroke-width="5" fill="none" stroke-linecap="round"/>
    <ellipse cx="112" cy="92" rx="58" ry="12" fill="#f4efe4"/>
    <ellipse cx="112" cy="93" rx="50" ry="8.5" fill="#c9bda6"/>
    <path d="M64 95c8-5 26-7 48-7s40 2 48 7c-8 5-26 7-48 7s-40-2-48-7Z" fill="#5b3a26"/>
    <g fill="#f4efe4"><circle cx="90" cy="126" r="2"/><circle cx="112" cy="150" r="2.4"/><circle cx="132" cy="124" r="1.8"/><circle cx="98" cy="176" r="1.8"/><circle cx="126" cy="184" r="2.2"/><circle cx="148" cy="154" r="1.8"/><circle cx="84" cy="152" r="1.6"/><circle cx="108" cy="122" r="1.4"/><circle cx="140" cy="196" r="1.6"/><circle cx="116" cy="168" r="1.4"/><circle cx="154" cy="122" r="1.4"/></g>`,

  "wool-blanket": `
    <ellipse cx="120" cy="212" rx="92" ry="7" fill="#000" opacity=".12"/>
    <g stroke="#efe6d6" stroke-width="4" stroke-linecap="round"><path d="M46 186v22m12-22v24m12-24v22m12-22v25m12-25v22m12-22v24m12-24v22m12-22v25m12-25v22m12-22v24m12-24v22m12-22v24"/></g>
    <path d="M38 152h138c14 0 24 8 24 20s-10 20-24 20H38Z" fill="#cfc3ae"/>
    <path d="M38 178h156c-4 9-11 14-20 14H38Z" fill="#b0a28a"/>
    <path d="M64 112h138v42H64c-14 0-24-9-24-21s10-21 24-21Z" fill="#e6dcc9"/>
    <path d="M43 142h159v12H64c-10 0-18-5-21-12Z" fill="#c9bda6"/>
    <path d="M38 70h138c14 0 24 9 24 22s-10 22-24 22H38Z" fill="#f3ecdf"/>
    <path d="M38 100h159c-4 9-11 14-21 14H38Z" fill="#d8ccb6"/>
    <path d="M58 70h20v44H58Z" fill="#b4502c"/><path d="M58 100h20v14H58Z" fill="#8f3b1e"/>
    <path d="M86 70h7v44h-7Z" fill="#33495c"/><path d="M86 100h7v14h-7Z" fill="#24364a"/>
    <path d="M60 112h18v42H62Z" fill="#a64725"/><path d="M62 142h16v12H62Z" fill="#8f3b1e"/>
    <path d="M86 112h7v42h-7Z" fill="#33495c"/><path d="M86 142h7v12h-7Z" fill="#24364a"/>
    <path d="M58 154h20v38H58Z" fill="#a64725"/><path d="M58 178h20v14H58Z" fill="#8f3b1e"/>
    <path d="M86 154h7v38h-7Z" fill="#33495c"/><path d="M86 178h7v14h-7Z" fill="#24364a"/>
    <path d="M150 84h32v18h-32Z" fill="#22303c"/><path d="M157 90h18m-15 6h12" stroke="#f3ecdf" stroke-width="2" stroke-linecap="round"/>`,

  "camp-kettle": `
    <ellipse cx="118" cy="210" rx="74" ry="8" fill="#000" opacity=".12"/>
    <path d="M74 112C60 26 172 26 158 112" fill="none" stroke="#343a3f" stroke-width="5"/>
    <path d="M98 45c10-5 26-5 36 0l-2 11c-9-4-23-4-32 0Z" fill="#b98352"/>
    <path d="M160 172c26-4 32-34 36-62l-10-6 26-6 2 8c-4 50-16 84-52 90Z" fill="#46563c"/>
    <path d="M166 150c12-10 16-26 20-46" stroke="#75876a" stroke-width="4" fill="none" stroke-linecap="round"/>
    <path d="M76 110h80c18 24 28 60 16 86-4 9-12 13-22 13H82c-10 0-18-4-22-13-12-26-2-62 16-86Z" fill="#5f7053"/>
    <path d="M132 110h24c18 24 28 60 16 86-4 9-12 13-22 13h-22c22-22 22-66 4-99Z" fill="#46563c"/>
    <path d="M78 128c-10 18-14 40-8 58" stroke="#8ea082" stroke-width="5" fill="none" stroke-linecap="round"/>
    <ellipse cx="116" cy="111" rx="41" ry="8" fill="#f4efe4"/>
    <path d="M82 109c4-12 18-18 34-18s30 6 34 18c-8 4-20 6-34 6s-26-2-34-6Z" fill="#6d7f60"/>
    <path d="M124 91c14 1 23 7 26 18-6 3-14 5-24 6 6-8 4-18-2-24Z" fill="#46563c"/>
    <path d="M108 82h16l-3 10h-10Z" fill="#343a3f"/>
    <g fill="#f4efe4"><circle cx="98" cy="146" r="2"/><circle cx="120" cy="164" r="2.2"/><circle cx="140" cy="142" r="1.8"/><circle cx="92" cy="178" r="1.8"/><circle cx="132" cy="188" r="2"/><circle cx="156" cy="170" r="1.6"/><circle cx="110" cy="190" r="1.5"/><circle cx="116" cy="138" r="1.4"/></g>`,
};

/** A new drawing of a product, as an element. It is decoration: the name stands beside it. */
export function illustration(productId) {
  const drawing = new DOMParser().parseFromString(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 240">${DRAWINGS[productId] ?? ""}</svg>`,
    "image/svg+xml",
  ).documentElement;
  drawing.setAttribute("class", "illustration");
  drawing.setAttribute("aria-hidden", "true");
  return document.importNode(drawing, true);
}
