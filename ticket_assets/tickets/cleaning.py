"""One cleaning of ticket text, the same for training and for serving.

Belongs here: from raw subject and body to the one string that every feature, model and near-duplicate search reads.
Does not belong here: what a mail program adds (`mail`), personal data (`masking`), stop words and stems (`words`),
which tickets are kept (`curation`), the columns of a ticket (`schema`), its language (`language`), numbers derived
from text (`ticket_assets.features`). Light on purpose: the standard library and ftfy, nothing else, because the
service imports it.

Any edit that changes an output must raise `CLEANING_VERSION`: bundles carry it and refuse text that was
cleaned otherwise.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Collection

from ticket_assets.tickets.mail import without_mail_parts
from ticket_assets.tickets.masking import DEFAULT_KINDS, mask

CLEANING_VERSION = "2"

MAX_CHARS = 20_000
"""Default bound on the cleaned text, in characters: some 3,000 words, beyond what any encoder reads."""

URL_TOKEN = "[url]"

# HTML mail starts with tens of thousands of characters of style sheet: reading only `max_chars` of the raw
# text would leave such a ticket empty, reading all of it would let one ticket take seconds.
_RAW_FACTOR = 10
# Nested escapes (`&amp;amp;lt;`) need one round per level. Real text is stable after two.
_MAX_ROUNDS = 8

_BLOCK_TAGS = (
    "address article aside blockquote body br center dd div dl dt footer form h1 h2 h3 h4 h5 h6 head header "
    "hr html li main nav ol p pre section table tbody tfoot thead title tr ul"
)
_INLINE_TAGS = (
    "a abbr b base basefont big button caption cite code col colgroup del em font i img input ins kbd label "
    "link map mark meta noscript s script small span strike strong style sub sup td th tt u var wbr"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
# `<name>` and `<tel_num>` are placeholders of an anonymiser and `a <b and c> d` is arithmetic: only known
# element names count, and only with attributes that look like attributes. No quantifier can cross `<` or `>`,
# and none can be entered in two ways, so matching stays linear on hostile input.
_TAG = re.compile(
    r"</?(?P<name>" + "|".join(f"{_BLOCK_TAGS} {_INLINE_TAGS}".split()) + r"|[a-z]{1,3}:[a-z][\w.-]*+)"
    r"""(?:\s++[\w:.@-]++\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>]++)"""
    r"|\s++(?:async|checked|defer|disabled|hidden|multiple|noshade|nowrap|readonly|required|selected)(?=[\s/>]))*+"
    r"\s*+/?>|<!(?:doctype\b|\[)[^<>]*+>",
    re.IGNORECASE,
)
_HIDDEN_OPEN = re.compile(r"<(script|style)\b[^<>]*+>|<(!--)", re.IGNORECASE)
_HIDDEN_CLOSE = {
    "script": re.compile(r"</script\s*+>", re.IGNORECASE),
    "style": re.compile(r"</style\s*+>", re.IGNORECASE),
    "!--": re.compile(r"-->"),
}
# Only entities that end in a semicolon: `?a=1&copy=2` is no copyright sign.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)

# A lone `\n` between a letter or digit (or `C:`) and a lower-case letter is an account or a path
# (`CORP\nina`, `C:\new`), not an escaped line break, and `\\nas01` is a server. Runs such as `\r\n` always
# are breaks.
_ESCAPED_BREAK = re.compile(r"(?:\\{1,2}[nrt]){2,}|\\{1,2}[nrt](?![a-z])|(?<![A-Za-z0-9\\])(?<!\b[A-Za-z]:)\\[nrt]")
_LINE_BREAK = re.compile("\r\n?|[\v\f\x85\u2028\u2029]")
_TERMINAL_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# C0 and C1 without tab and line feed, soft hyphen, zero-width space and word joiner, bidirectional marks,
# byte order mark, lone surrogates (they cannot be encoded). The zero-width joiners stay, for Persian and
# emoji.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ud800-\udfff]"
)
_BLANKS = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_LINE_ENDS = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")

_URL = re.compile(
    r"""\b(?:(?:https?|ftps?|file)://|www\.(?=\w))[^\s<>"'|\[\]{}]*[^\s<>"'|\[\]{}.,;:!?)]""", re.IGNORECASE
)

# ftfy takes longer than all the rest together, and what it repairs always shows itself: two neighbouring
# non-ASCII characters (a lead and a continuation byte), a C1 control, a lead character before the blank that
# was a no-break space, a ligature, a full-width letter.
_SUSPECT = re.compile(
    "[\x80-\x9f]|[^\x00-\x7f\xa0‘’“”„–—…•](?:[^\x00-\x7f\xa0‘’“”„–—…•]|[‘’“”„–—…•\xa0]|(?<=[ÂÃÅÎÐÙ]) )"
    "|[\ufb00-\ufb06\u3000\uff01-\uffee]"
)
_QUOTES = (*((quote, "'") for quote in "ʼ‘’‚‛"), *((quote, '"') for quote in "“”„‟"))
_HOSTILE = str.maketrans(dict.fromkeys("<>&\\", " "))


def clean_text(text: str, max_chars: int = MAX_CHARS, kinds: Collection[str] = DEFAULT_KINDS) -> str:
    r"""Return `text` as the models read it; never raises on any text, and cleaning twice changes nothing.

    Mojibake is repaired (ftfy), characters are composed (NFC, accents stay), curly quotes straightened.
    Written-out and real line breaks become `\n`, tabs blanks. Script, style, comments and tags go, entities
    are unescaped; `a < b` and placeholders such as `<name>` stay. Web addresses become `[url]`, personal data words
    such as `[email_address]`. Quoted mail, notices and signatures go, unless little would be left. Control
    characters go, blanks collapse, at most one empty line parts paragraphs.

    Args:
        text: any text, HTML or plain; of longer ones the first `10 * max_chars` characters are read.
        max_chars: upper bound on the result's length in characters.
        kinds: of personal data to mask, of `masking.KINDS`.

    Raises:
        ValueError: if `max_chars` is below 1, or a kind does not exist.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, not {max_chars}")
    text = text[: max_chars * _RAW_FACTOR]
    for _ in range(2):
        for _ in range(_MAX_ROUNDS):
            # One round can make work for the next (`&lt;b&gt;` is a tag once unescaped).
            cleaned = mask(_one_round(text), kinds)[:max_chars].rstrip()
            if cleaned == text:
                return cleaned
            text = cleaned
        # Escapes nested deeper than any mail program does it: take away what nesting is made of.
        text = text.translate(_HOSTILE)
    return text.strip()


def ticket_text(subject: str | None, body: str | None, kinds: Collection[str] = DEFAULT_KINDS) -> str:
    r"""Return cleaned subject, `\n`, cleaned body: at most `MAX_CHARS` characters, "" if both are missing.

    The subject is left out if the body starts with it, whatever the case, up to a word's end.

    Args:
        subject: raw.
        body: raw.
        kinds: of personal data to mask, of `masking.KINDS`.
    """
    first = clean_text(subject or "", kinds=kinds).replace("\n", " ")
    rest = clean_text(body or "", kinds=kinds)
    if not first or not rest:
        return first or rest
    head, following = rest[: len(first)], rest[len(first) : len(first) + 1]
    if head.casefold() == first.casefold() and not following.isalnum():
        return rest
    return f"{first}\n{rest}"[:MAX_CHARS].rstrip()


def _one_round(text: str) -> str:
    if not text.isascii():
        text = _repaired(text)
    if "\\" in text:
        text = _ESCAPED_BREAK.sub(_unescaped_break, text)
    if "<" in text:
        text = _TAG.sub(_tag_gap, _without_hidden(text))
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    if not text.replace("\n", "").isprintable():  # most text is: that spares it four searches
        text = _LINE_BREAK.sub("\n", text)
        text = _BLANKS.sub(" ", _CONTROL.sub("", _TERMINAL_ESCAPE.sub("", text)))
    if "://" in text or "www." in text.lower():
        text = _URL.sub(URL_TOKEN, text)
    text = unicodedata.normalize("NFC", text)
    if "  " in text:
        text = _BLANKS.sub(" ", text)
    if "\n" in text:
        text = without_mail_parts(_EMPTY_LINES.sub("\n\n", _LINE_ENDS.sub("\n", text)).strip())
    return text.strip()


def _repaired(text: str) -> str:
    if _SUSPECT.search(text):
        text = _ftfy()(text)
    for quote, straight in _QUOTES:  # `translate` would take ten times as long
        text = text.replace(quote, straight)
    return text


_fix: Callable[[str], str] | None = None


def _ftfy() -> Callable[[str], str]:
    """Return ftfy's repair; imported at first need, for most services never see broken text."""
    global _fix
    if _fix is None:
        import ftfy

        # Entities are unescaped here, by a rule that does not depend on the rest of the text.
        config = ftfy.TextFixerConfig(unescape_html=False, explain=False)

        def fix(text: str) -> str:
            return str(ftfy.fix_text(text, config))

        _fix = fix
    return _fix


def _unescaped_break(match: re.Match[str]) -> str:
    run = match.group()
    return "\n" * run.count("n") or ("\n" if "r" in run else " ")


def _tag_gap(match: re.Match[str]) -> str:
    name = (match["name"] or "").lower()
    if name in _BLOCKS:
        return "\n"
    return " " if name in {"td", "th"} else ""


def _without_hidden(text: str) -> str:
    """Return `text` without scripts, style sheets and comments; what never closes is left to the tag rule.

    By hand rather than by one lazy pattern: with many openings and no closing that would be quadratic.
    """
    kept: list[str] = []
    unclosed: set[str] = set()
    start = position = 0
    while opening := _HIDDEN_OPEN.search(text, position):
        kind = (opening[1] or opening[2]).lower()
        position = opening.end()
        closing = None if kind in unclosed else _HIDDEN_CLOSE[kind].search(text, position)
        if closing is None:
            unclosed.add(kind)
            continue
        kept.append(text[start : opening.start()] + " ")
        start = position = closing.end()
    return "".join([*kept, text[start:]])
