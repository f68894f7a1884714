from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Ticket(_message.Message):
    __slots__ = ("subject", "body", "id", "language", "context", "reasons", "top")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    subject: str
    body: str
    id: str
    language: str
    context: _containers.ScalarMap[str, str]
    reasons: int
    top: int
    def __init__(self, subject: _Optional[str] = ..., body: _Optional[str] = ..., id: _Optional[str] = ..., language: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., reasons: _Optional[int] = ..., top: _Optional[int] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("kind", "name", "contribution", "detail")
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    kind: str
    name: str
    contribution: float
    detail: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., contribution: _Optional[float] = ..., detail: _Optional[str] = ...) -> None: ...

class LabelProbability(_message.Message):
    __slots__ = ("label", "probability")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    label: str
    probability: float
    def __init__(self, label: _Optional[str] = ..., probability: _Optional[float] = ...) -> None: ...

class TargetAnswer(_message.Message):
    __slots__ = ("label", "probability", "probabilities", "top", "band", "needs_review", "reasons")
    class ProbabilitiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    BAND_FIELD_NUMBER: _ClassVar[int]
    NEEDS_REVIEW_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    label: str
    probability: float
    probabilities: _containers.ScalarMap[str, float]
    top: _containers.RepeatedCompositeFieldContainer[LabelProbability]
    band: str
    needs_review: bool
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    def __init__(self, label: _Optional[str] = ..., probability: _Optional[float] = ..., probabilities: _Optional[_Mapping[str, float]] = ..., top: _Optional[_Iterable[_Union[LabelProbability, _Mapping]]] = ..., band: _Optional[str] = ..., needs_review: _Optional[bool] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("prediction_id", "id", "model_version", "bundle", "language", "acting", "targets", "claimed_language")
    class TargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TargetAnswer
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TargetAnswer, _Mapping]] = ...) -> None: ...
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    ACTING_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    id: str
    model_version: int
    bundle: str
    language: str
    acting: bool
    targets: _containers.MessageMap[str, TargetAnswer]
    claimed_language: str
    def __init__(self, prediction_id: _Optional[str] = ..., id: _Optional[str] = ..., model_version: _Optional[int] = ..., bundle: _Optional[str] = ..., language: _Optional[str] = ..., acting: _Optional[bool] = ..., targets: _Optional[_Mapping[str, TargetAnswer]] = ..., claimed_language: _Optional[str] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("tickets",)
    TICKETS_FIELD_NUMBER: _ClassVar[int]
    tickets: _containers.RepeatedCompositeFieldContainer[Ticket]
    def __init__(self, tickets: _Optional[_Iterable[_Union[Ticket, _Mapping]]] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("code", "message", "field")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    field: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., field: _Optional[str] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("index", "answer", "error")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    index: int
    answer: Answer
    error: Fault
    def __init__(self, index: _Optional[int] = ..., answer: _Optional[_Union[Answer, _Mapping]] = ..., error: _Optional[_Union[Fault, _Mapping]] = ...) -> None: ...

class BatchAnswer(_message.Message):
    __slots__ = ("rows", "failed")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Row]
    failed: int
    def __init__(self, rows: _Optional[_Iterable[_Union[Row, _Mapping]]] = ..., failed: _Optional[int] = ...) -> None: ...

class Correction(_message.Message):
    __slots__ = ("prediction_id", "labels", "reviewer", "comment", "feedback_id")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    REVIEWER_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_ID_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    labels: _containers.ScalarMap[str, str]
    reviewer: str
    comment: str
    feedback_id: str
    def __init__(self, prediction_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., reviewer: _Optional[str] = ..., comment: _Optional[str] = ..., feedback_id: _Optional[str] = ...) -> None: ...

class FeedbackReceipt(_message.Message):
    __slots__ = ("prediction_id", "feedback_id", "state")
    PREDICTION_ID_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    prediction_id: str
    feedback_id: str
    state: str
    def __init__(self, prediction_id: _Optional[str] = ..., feedback_id: _Optional[str] = ..., state: _Optional[str] = ...) -> None: ...

class SimilarRequest(_message.Message):
    __slots__ = ("subject", "body", "limit")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    subject: str
    body: str
    limit: int
    def __init__(self, subject: _Optional[str] = ..., body: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class SimilarTicket(_message.Message):
    __slots__ = ("ticket_id", "similarity", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TICKET_ID_FIELD_NUMBER: _ClassVar[int]
    SIMILARITY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ticket_id: str
    similarity: float
    labels: _containers.ScalarMap[str, str]
    def __init__(self, ticket_id: _Optional[str] = ..., similarity: _Optional[float] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SimilarAnswer(_message.Message):
    __slots__ = ("model_version", "bundle", "tickets")
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    TICKETS_FIELD_NUMBER: _ClassVar[int]
    model_version: int
    bundle: str
    tickets: _containers.RepeatedCompositeFieldContainer[SimilarTicket]
    def __init__(self, model_version: _Optional[int] = ..., bundle: _Optional[str] = ..., tickets: _Optional[_Iterable[_Union[SimilarTicket, _Mapping]]] = ...) -> None: ...

class InfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TargetInfo(_message.Message):
    __slots__ = ("labels", "scores", "act", "suggest")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    ACT_FIELD_NUMBER: _ClassVar[int]
    SUGGEST_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedScalarFieldContainer[str]
    scores: _containers.ScalarMap[str, float]
    act: float
    suggest: float
    def __init__(self, labels: _Optional[_Iterable[str]] = ..., scores: _Optional[_Mapping[str, float]] = ..., act: _Optional[float] = ..., suggest: _Optional[float] = ...) -> None: ...

class LogInfo(_message.Message):
    __slots__ = ("state", "backlog", "not_logged", "last_error", "backlog_bytes")
    STATE_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    NOT_LOGGED_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_BYTES_FIELD_NUMBER: _ClassVar[int]
    state: str
    backlog: int
    not_logged: int
    last_error: str
    backlog_bytes: int
    def __init__(self, state: _Optional[str] = ..., backlog: _Optional[int] = ..., not_logged: _Optional[int] = ..., last_error: _Optional[str] = ..., backlog_bytes: _Optional[int] = ...) -> None: ...

class SwapInfo(_message.Message):
    __slots__ = ("at", "bundle", "taken", "reason")
    AT_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    at: str
    bundle: str
    taken: bool
    reason: str
    def __init__(self, at: _Optional[str] = ..., bundle: _Optional[str] = ..., taken: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class ChallengerInfo(_message.Message):
    __slots__ = ("model_version", "bundle", "since", "loaded_at", "share")
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    LOADED_AT_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    model_version: int
    bundle: str
    since: str
    loaded_at: str
    share: float
    def __init__(self, model_version: _Optional[int] = ..., bundle: _Optional[str] = ..., since: _Optional[str] = ..., loaded_at: _Optional[str] = ..., share: _Optional[float] = ...) -> None: ...

class ServiceInfo(_message.Message):
    __slots__ = ("status", "profile", "model_version", "bundle", "since", "loaded_at", "split", "cleaning", "encoder", "languages", "context", "targets", "data", "libraries", "acting", "log", "swaps", "faults", "challenger")
    class TargetsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: TargetInfo
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[TargetInfo, _Mapping]] = ...) -> None: ...
    class DataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class LibrariesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    LOADED_AT_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    CLEANING_FIELD_NUMBER: _ClassVar[int]
    ENCODER_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LIBRARIES_FIELD_NUMBER: _ClassVar[int]
    ACTING_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    SWAPS_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    CHALLENGER_FIELD_NUMBER: _ClassVar[int]
    status: str
    profile: str
    model_version: int
    bundle: str
    since: str
    loaded_at: str
    split: str
    cleaning: str
    encoder: str
    languages: _containers.RepeatedScalarFieldContainer[str]
    context: _containers.RepeatedScalarFieldContainer[str]
    targets: _containers.MessageMap[str, TargetInfo]
    data: _containers.ScalarMap[str, str]
    libraries: _containers.ScalarMap[str, str]
    acting: bool
    log: LogInfo
    swaps: _containers.RepeatedCompositeFieldContainer[SwapInfo]
    faults: _containers.RepeatedScalarFieldContainer[str]
    challenger: ChallengerInfo
    def __init__(self, status: _Optional[str] = ..., profile: _Optional[str] = ..., model_version: _Optional[int] = ..., bundle: _Optional[str] = ..., since: _Optional[str] = ..., loaded_at: _Optional[str] = ..., split: _Optional[str] = ..., cleaning: _Optional[str] = ..., encoder: _Optional[str] = ..., languages: _Optional[_Iterable[str]] = ..., context: _Optional[_Iterable[str]] = ..., targets: _Optional[_Mapping[str, TargetInfo]] = ..., data: _Optional[_Mapping[str, str]] = ..., libraries: _Optional[_Mapping[str, str]] = ..., acting: _Optional[bool] = ..., log: _Optional[_Union[LogInfo, _Mapping]] = ..., swaps: _Optional[_Iterable[_Union[SwapInfo, _Mapping]]] = ..., faults: _Optional[_Iterable[str]] = ..., challenger: _Optional[_Union[ChallengerInfo, _Mapping]] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReloadAnswer(_message.Message):
    __slots__ = ("changed", "model_version", "bundle", "reason")
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    changed: bool
    model_version: int
    bundle: str
    reason: str
    def __init__(self, changed: _Optional[bool] = ..., model_version: _Optional[int] = ..., bundle: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ActingChange(_message.Message):
    __slots__ = ("on", "reason")
    ON_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    on: bool
    reason: str
    def __init__(self, on: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class Acting(_message.Message):
    __slots__ = ("on", "since", "by", "reason")
    ON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    on: bool
    since: str
    by: str
    reason: str
    def __init__(self, on: _Optional[bool] = ..., since: _Optional[str] = ..., by: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ActedRequest(_message.Message):
    __slots__ = ("since",)
    SINCE_FIELD_NUMBER: _ClassVar[int]
    since: str
    def __init__(self, since: _Optional[str] = ...) -> None: ...

class ActedLabel(_message.Message):
    __slots__ = ("target", "label", "acted", "reviewed", "right", "accuracy", "low", "high")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    ACTED_FIELD_NUMBER: _ClassVar[int]
    REVIEWED_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    target: str
    label: str
    acted: int
    reviewed: int
    right: int
    accuracy: float
    low: float
    high: float
    def __init__(self, target: _Optional[str] = ..., label: _Optional[str] = ..., acted: _Optional[int] = ..., reviewed: _Optional[int] = ..., right: _Optional[int] = ..., accuracy: _Optional[float] = ..., low: _Optional[float] = ..., high: _Optional[float] = ...) -> None: ...

class ActedReport(_message.Message):
    __slots__ = ("since", "rows", "switches")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SWITCHES_FIELD_NUMBER: _ClassVar[int]
    since: str
    rows: _containers.RepeatedCompositeFieldContainer[ActedLabel]
    switches: _containers.RepeatedCompositeFieldContainer[Acting]
    def __init__(self, since: _Optional[str] = ..., rows: _Optional[_Iterable[_Union[ActedLabel, _Mapping]]] = ..., switches: _Optional[_Iterable[_Union[Acting, _Mapping]]] = ...) -> None: ...
