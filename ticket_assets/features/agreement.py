"""Whether two encoders give the same vectors, shown on texts that a tracer or a half-precision runtime trips over.

Belongs here: the texts, the limit, the refusal with the measured number.
Does not belong here: the encoders; the measure itself (reference_encoder.py).
"""

from collections.abc import Sequence

from ticket_assets.features.encoder import Encoder
from ticket_assets.features.reference_encoder import max_cosine_gap

SMALLEST_COSINE = 0.9999
# Several languages and scripts; empty, one token, beyond any cut, markup of tokenizers, words that are split finely.
TEXTS = (
    "The printer on the third floor has stopped working since this morning, please help.",
    "URGENT: VPN down in production!!!",
    "Der Drucker funktioniert seit gestern nicht mehr, können Sie bitte prüfen? Grüße aus Köln, Jürgen Weiß",
    "¿Podrían reparar el portátil cuanto antes? Muchas gracias, José Ñúñez.",
    "L'accès à ma boîte aux lettres est bloqué, veuillez réinitialiser le mot de passe.",
    "Il portale non risponde più, l'utente non riesce ad accedere.",
    "Não consigo abrir a fatura; a aplicação fecha sozinha.",
    "Принтер не работает, помогите пожалуйста.",
    "打印机从今天早上开始就无法工作了。",
    "プリンターが動きません。よろしくお願いします。",
    "الطابعة لا تعمل منذ الصباح.",
    "error 0x80070005 at C:\\Windows\\System32, see https://intranet.example/kb?id=42 🙏",
    "[CLS] [SEP] <s> </s> <pad> written by a user",
    "Donaudampfschifffahrtsgesellschaft" * 12,
    "?",
    "",
    "The same sentence over and over, with invoice number 4711. " * 120,
)


class DisagreementError(ValueError):
    """Two encoders that should give the same vectors do not; the message has the smallest cosine."""


def smallest_cosine(first: Encoder, second: Encoder, texts: Sequence[str] = TEXTS) -> float:
    """Return the smallest cosine between the two encoders' vectors of one text."""
    return 1 - max_cosine_gap(first, second, texts)


def require_agreement(first: Encoder, second: Encoder, what: str, texts: Sequence[str] = TEXTS) -> None:
    """Compare two encoders.

    Raises:
        DisagreementError: `what` was compared, and the smallest cosine lies below `SMALLEST_COSINE`.
    """
    found = smallest_cosine(first, second, texts)
    if not found >= SMALLEST_COSINE:
        raise DisagreementError(
            f"{what}: the smallest cosine on {len(texts)} texts is {found:.6f}, below {SMALLEST_COSINE}: "
            "it would be another encoder than the one named, so it is refused"
        )
