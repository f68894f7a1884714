r"""What a mail program adds around the words of a ticket: quoted mail, signatures, legal notices.

Belongs here: finding these parts in English, German, Spanish and French mail, and taking them away.
Does not belong here: characters, HTML and blanks (`cleaning`), personal data in what stays (`masking`).

A part goes only if something worth reading stays. A reply of two words ("Any news?") says nothing without the mail that
it answers, and a forwarded mail is the matter itself.
"""

from __future__ import annotations

import re

MIN_LETTERS = 20
"""A step that would leave fewer letters than this is not taken."""

_LONGEST_HEADER = 300
_QUOTE = re.compile(r">+(?: |$|(?=\w))")
_WROTE = re.compile(
    r"(?:on|am|el|le|den)\b(?=[^\n]{0,200}\d)[^\n]{4,280}?\b(?:wrote|schrieb(?: [^\n:]{1,120})?|escribió|a écrit) ?:",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"[-_* ]{2,40}(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|"
    r"mensaje original|message d'origine|message original)[-_* ]{2,40}",
    re.IGNORECASE,
)
_FROM = re.compile(r"\*?(?:from|von|de|expéditeur)\*? ?:\*? ?\S", re.IGNORECASE)
_FURTHER = re.compile(
    r"\*?(?:sent|date|to|cc|subject|gesendet|datum|an|betreff|enviado(?: el)?|fecha|para|asunto|envoyé(?: le)?|à|"
    r"objet)\*? ?:",
    re.IGNORECASE,
)
_HEADER_LINES = 6  # how far below the sender the other lines of a header may stand

_DEVICE = re.compile(
    r"(?:sent (?:from|with|via) (?:my|outlook|mail|yahoo|samsung|proton)\b|get outlook for|"
    r"von meinem? .{2,40} gesendet|gesendet (?:von|mit)\b|diese nachricht wurde von meinem|"
    r"enviado (?:desde|con) (?:mi|outlook)\b|obtener outlook para|"
    r"envoyé (?:de|depuis|avec) (?:mon|outlook)\b|télécharger outlook).{0,80}",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"[\W_]{0,10}(?:"
    r"(?:legal |confidentiality )?(?:disclaimer|confidentiality notice)\b|haftungsausschluss\b|"
    r"vertraulichkeitshinweis\b|aviso (?:legal|de confidencialidad)\b|"
    r"(?:avis|clause) de (?:confidentialité|non-responsabilité)\b|"
    r"(?:this|the (?:information|contents?)[^\n.]{0,40} (?:of|in) this) (?:e-?mail|message|communication|"
    r"transmission)\b[^\n.]{0,120}\b(?:confidential|intended|privileged)|"
    r"if you (?:are not the intended|have received this (?:e-?mail|message))|"
    r"(?:caution|warning|external(?: e-?mail)?)\W{1,4}this (?:e-?mail|message) (?:originated|was sent|came) from "
    r"outside|"
    r"please consider the environment|"
    r"(?:diese (?:e-?mail|nachricht)|der inhalt dieser e-?mail)\b[^\n.]{0,120}\b(?:vertraulich|bestimmt)|"
    r"(?:wenn|falls|sollten) sie (?:nicht der (?:richtige|beabsichtigte) (?:adressat|empfänger)|"
    r"diese e-?mail irrtümlich)|"
    r"bitte (?:denken sie an die umwelt|prüfen sie, ob diese e-?mail)|denken sie an die umwelt|"
    r"est[ea] (?:mensaje|correo|comunicación|e-?mail)\b[^\n.]{0,120}\b(?:confidencial|dirigid[oa]|destinatario)|"
    r"si (?:usted )?no es (?:usted )?el destinatario|antes de imprimir est|"
    r"(?:ce|cet) (?:message|courriel|courrier|e-?mail)\b[^\n.]{0,120}\b(?:confidentiel|destiné|exclusi)|"
    r"si vous n'êtes pas (?:le|l'un des) destinataire|pensez à l'environnement|avant d'imprimer"
    r")",
    re.IGNORECASE,
)

_NAMED = r"(?:[,.!;:]|[,.!]? ?(?:\S{1,40} ?){1,4})?"
_SIGN_OFF = re.compile(
    r"(?:"
    r"(?:(?:with |my )?(?:best|kind|kindest|warm|warmest|many)(?: and (?:kind|warm|best))? "
    r"(?:regards|wishes|greetings)|regards|(?:yours )?(?:sincerely|faithfully|truly)(?: yours)?|respectfully|"
    r"mit (?:freundlichen|besten|herzlichen|vielen|lieben) gr(?:ü|ue)(?:ß|ss)en|"
    r"(?:freundliche|beste|viele|liebe|herzliche|schöne) gr(?:ü|ue)(?:ß|ss)e?|hochachtungsvoll|"
    r"(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente|cordialmente|recib[ae]n? un cordial saludo|"
    r"(?:bien )?cordialement|(?:meilleures|sincères|cordiales) salutations|salutations(?: distinguées)?|"
    rf"bien à vous){_NAMED}|"
    r"(?:best|rgds|br|kr|mfg|lg|vg|gru(?:ß|ss)|un abrazo)[,.!]?"
    r")",
    re.IGNORECASE,
)
# These also begin a ticket or stand in its midst: only what is clearly a name may follow.
_THANKS = re.compile(
    r"(?:(?:many )?thanks(?: a lot| so much| again| in advance)?(?: (?:and|&) (?:best |kind )?regards)?|thx|cheers|"
    r"thank you(?: very much| so much)?(?: in advance)?|"
    r"(?:vielen|besten|herzlichen) dank(?: im voraus)?|danke(?: schön)?|"
    r"(?:muchas )?gracias(?: de antemano)?|merci(?: d'avance| beaucoup| par avance)?)[,.!]?",
    re.IGNORECASE,
)
_SIGNATURE_LINES = 12
_NAME_LINES = 3


def without_mail_parts(text: str) -> str:
    r"""Return `text` without quoted mail, legal notices and signature; never empty, unless `text` is.

    Args:
        text: as `cleaning` has it: lines end in a line feed and in no blank.
    """
    if "\n" not in text:
        return text
    lines = text.split("\n")
    for step in (_without_quotes, _without_notices, _without_signature):
        left = step(lines)
        if len(left) < len(lines) and _worth_reading(left):
            lines = left
    return "\n".join(lines)


def _worth_reading(lines: list[str]) -> bool:
    letters = 0
    for line in lines:
        letters += sum(map(str.isalpha, line))
        if letters >= MIN_LETTERS:
            return True
    return False


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if _QUOTE.match(lines[at]):
            at += 1
            continue
        length = _header_length(lines, at)
        if not length:
            kept.append(lines[at])
            at += 1
            continue
        at += length
        while at < len(lines) and not lines[at]:
            at += 1
        # Without marks there is no telling where the quoted mail ends: it is all that follows.
        if at == len(lines) or not _QUOTE.match(lines[at]):
            break
    return kept


def _header_length(lines: list[str], at: int) -> int:
    """How many lines announce that a quoted mail follows; 0 for an ordinary line."""
    line = lines[at][:_LONGEST_HEADER]
    if _ORIGINAL.fullmatch(line) or (line[-1:] == ":" and _WROTE.fullmatch(line)):
        return 1
    following = lines[at + 1][:_LONGEST_HEADER] if at + 1 < len(lines) else ""
    if following[-1:] == ":" and line and _WROTE.fullmatch(f"{line} {following}"[:_LONGEST_HEADER]):
        return 2
    if _FROM.match(line):
        block = 1
        while block < _HEADER_LINES and at + block < len(lines) and _FURTHER.match(lines[at + block]):
            block += 1
        return block if block >= 3 else 0
    return 0


def _without_notices(lines: list[str]) -> list[str]:
    kept: list[str] = []
    inside = False
    for line in lines:
        inside = bool(line) and (inside or _NOTICE.match(line) is not None)
        if not inside:
            kept.append(line)
    return kept


def _without_signature(lines: list[str]) -> list[str]:
    kept = list(lines)
    while True:
        while kept and (not kept[-1] or _DEVICE.fullmatch(kept[-1])):
            kept.pop()
        start = _signature_start(kept)
        if start is None:
            return kept
        del kept[start:]


def _signature_start(lines: list[str]) -> int | None:
    """Index of the uppermost line that begins a signature which reaches to the end."""
    found, below = None, 0
    names_only = True
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if not line:
            continue
        thanked = 0 < below <= _NAME_LINES and names_only and _THANKS.fullmatch(line)
        if line == "--" or thanked or _SIGN_OFF.fullmatch(line[:_LONGEST_HEADER]):
            found = at
        elif not _is_short(line):
            return found
        names_only = names_only and _is_name(line)
        below += 1
        if below > _SIGNATURE_LINES:
            return found
    return found


def _is_short(line: str) -> bool:
    words = len(line.split())
    sentence = line.endswith("?") or (words >= 6 and line.endswith((".", "!", ":")))
    return len(line) <= 70 and words <= 10 and not sentence and not _QUOTE.match(line)


def _is_name(line: str) -> bool:
    return len(line) <= 40 and len(line.split()) <= 4 and not line[0].islower() and not line.endswith(("!", ":", ";"))
