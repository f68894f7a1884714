"""Telephone numbers in running text, in the forms of Germany, France, Spain, North America, and international ones.

Belongs here: the forms, and what keeps a number from being one: an id, a date, a sum.
Does not belong here: other numbers (`masking`).

A number says by itself that it is one if it begins with `+`, with `00` and a country's code, or if "Tel." or the like
stands before it. Any other needs the digits and groups of its country's form.
"""

from __future__ import annotations

import re

# Every repetition takes one digit, or begins with a separator: none can be entered in two ways. A number to which a
# date, a time, a decimal or an id is joined is none.
_PHONE = re.compile(
    r"""
    (?:(?P<label>\b(?:tel(?:e(?:fon|phone)|[eé]fono|[eé]phone)?|phone|mobile|cell|handy|mobil|m[oó]vil|fax|whatsapp)
       (?:\.?[ ]?(?:nr|no|number|nummer|n[uú]mero|num[eé]ro))?[ .:]{1,3})
       (?P<labelled>\+?\(?\d(?:[ ./()-]{0,3}\d){5,14})
    |  (?<![\w\#@/:.,=+-])(?:
        (?P<international>(?:\+|00(?=[1-9]))[(]?\d(?:[ ./()-]{0,3}\d){7,14})
      | (?P<national>
          (?:\(0[1-9]\d{0,4}\)|0[1-9]\d{0,4})(?:[ ./-]{1,3}\d{1,8}){1,5}  # (0711) 123 45-67, 01 42 68 53 00
        | 01[5-7]\d{8,9} | 0[67]\d{8}                              # mobiles in one piece: German, French
        | (?:1[ .-])?(?:\(\d{3}\)[ .-]?|\d{3}[.-])\d{3}[ .-]\d{4}  # 555-123-4567, (555) 123-4567
        | [2-9]\d{2}[ ]\d{3}[ ]\d{4}
        | [6-9]\d{2}[ -]\d{3}[ -]\d{3} | [6-9]\d{2}(?:[ -]\d{2}){3} | 9\d[ -]\d{3}(?:[ -]\d{2}){2}  # 612 345 678
        )
      ))(?!\w|\(?\+|[(.:,/-]\d)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DATE = re.compile(
    r"(?:\d{4}[./-](?:0?[1-9]|1[0-2])[./-]\d{1,2}|(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)?\d{2})"
    r"(?![./-]?\d)"
)
_CALLING_CODES = re.compile(r"00(?:1|2[07]|3[0-9]|4[0-9]|5[1-8]|6[0-6]|7|8[1246]|9[0-58])")
_IS_ID = re.compile(
    r"\b(?:ticket|order|case|ref|reference|invoice|incident|request|error|code|serial|part|article|account|customer|"
    r"bestell\w*|rechnung\w*|vorgang\w*|auftrag\w*|fehler\w*|kunden\w*|serien\w*|artikel\w*|pedido|factura|"
    r"incidencia|commande|facture|dossier|id|sn|s/n)[ .:#-]{0,3}(?:number|no|nr|num|n|n[uú]mero|num[eé]ro|id|code)?"
    r"[ .:#°-]{0,3}$",
    re.IGNORECASE,
)
_IS_AMOUNT = re.compile(r" ?(?:[€$£%]|(?:eur|usd|chf|gbp|euros?|bytes?|[kmgt]i?b|ms|rows|zeilen|filas|lignes)\b)", re.I)
_LONGEST_LEAD = 30
_JOINT = re.compile(r"( [/-] )")
_LEAST_DIGITS, _MOST_DIGITS = 9, 13  # of a number without its country


def without_phones(text: str, token: str) -> str:
    """Return `text` with `token` for each telephone number."""
    return _PHONE.sub(lambda match: _masked(match, token), text)


def lead(match: re.Match[str]) -> str:
    """The few characters before a match: what it is the number of."""
    return match.string[max(0, match.start() - _LONGEST_LEAD) : match.start()]


def _masked(match: re.Match[str], token: str) -> str:
    found = match.group()
    labelled = match["labelled"]
    number = labelled or found
    digits = sum(map(str.isdigit, number))
    if _DATE.match(number.lstrip("+(")):
        return found
    if labelled:
        return str(match["label"]) + token
    if match["international"]:
        return token if number.startswith("+") or _CALLING_CODES.match(number) else found
    if _IS_ID.search(lead(match)) or _IS_AMOUNT.match(match.string, match.end()):
        return found
    # Two numbers may be joined as the parts of one are: 0171 1234567 / 0172 7654321.
    parts = [found] if digits <= _MOST_DIGITS else _JOINT.split(found)
    return "".join(token if _LEAST_DIGITS <= sum(map(str.isdigit, part)) <= _MOST_DIGITS else part for part in parts)
