// What is easily forgotten, asked about once before it is sent: a file the text speaks of, and the subject.

const WORDS = [
  ..."attached attachment attachments enclosed".split(" "),
  ..."angehängt angehängte angehängten anhang anhänge anbei beigefügt beigefügte beiliegend anlage".split(" "),
  ..."ci-joint ci-jointe ci-joints ci-jointes pièce-jointe pièces-jointes".split(" "),
  ..."adjunto adjunta adjuntos adjuntas".split(" "),
  ..."allegato allegata allegati allegate".split(" "),
  ..."bijlage bijlagen bijgevoegd bijgevoegde bijgaand".split(" "),
  ..."anexo anexos anexado anexada".split(" "),
  ..."załącznik załączniku załączniki załączam załączeniu".split(" "),
  ..."bifogad bifogat bifogar bilaga vedlagt vedlægger vedhæftet vedhæftede vedlegg liite liitteenä".split(" "),
  ..."přiložen příloha příloze přikládám ekte ekteki ilişikte csatolva melléklet atașat anexat".split(" "),
  ..."вложении вложение вложен прикреплён прикреплен прилагаю приложении вкладенні додаю συνημμένο συνημμένα".split(" "),
];
const PHRASES = [
  "pièce jointe",
  "pièces jointes",
  "en pj",
  "im anhang",
  "em anexo",
  "in allegato",
  ...["附件", "附档", "附檔", "見附", "添付", "첨부", "المرفق", "مرفق", "מצורף", "מצורפת", "แนบ", "đính kèm", "संलग्न"],
];
const SPOKEN = new RegExp(`(?<![\\p{L}\\p{N}])(?:${WORDS.join("|")})(?![\\p{L}\\p{N}])|${PHRASES.join("|")}`, "iu");

export function speaksOfFiles(text) {
  return SPOKEN.test(text.normalize("NFC"));
}

export function startReminder(root, composer) {
  const asked = new Set();

  async function ask(kind, text, yes, no, { extra, stay }) {
    asked.add(kind);
    if (await composer.question(text, { yes, no })) composer.send(extra);
    else stay();
  }

  return {
    refuse(extra) {
      const { subject } = composer.form.elements;
      const written = `${subject.value}\n${composer.text.own()}`;
      if (!asked.has("file") && !composer.files.count && speaksOfFiles(written)) {
        const text = "You wrote of an attachment, but no file is attached.";
        const stay = () => root.querySelector("[data-input]").focus();
        ask("file", text, "Send without", "Go back", { extra, stay });
        return true;
      }
      if (!asked.has("subject") && !subject.value.trim()) {
        ask("subject", "This message has no subject.", "Send without", "Write one", { extra, stay: () => subject.focus() });
        return true;
      }
      return false;
    },
  };
}
