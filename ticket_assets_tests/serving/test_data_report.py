"""What a report says of the data: what was recorded, and nothing of what was not."""

from ticket_assets.serving.data_report import data_lines

RECORDED = {
    "tickets/raw": {
        "source": "desk.csv",
        "files": "3",
        "files read as CSV in cp1252, columns parted by ';'": "2",
        "files read as CSV in utf-8, columns parted by ','": "1",
        "erased": False,
    },
    "tickets/clean": {
        **{"read": 4000, "clean": 3500, "superseded": 100, "folded": 350, "quarantined": 50},
        **{"languages": {"de": 10, "en": 3000, "und": 490}, "date_order": "day first", "unreadable_dates": 7},
        "in_families_share": 0.12,
    },
    "tickets/quarantine": {
        "reasons": [
            {"reason": "empty_text", "meaning": "…", "rows": 20},
            {"reason": "dropped", "meaning": "…", "rows": 0},
            {"reason": "no_usable_label", "meaning": "…", "rows": 30},
        ]
    },
    "tickets/quality": {
        "dates": [{"first": "2024-01-02", "last": "2026-02-03", "missing": 9, "future": 0}],
        "duplicates": [{"families": 41, "largest family": 12}],
    },
    "models/split": {"sides": {"train": 2900, "holdout": 520, "barred": 80}},
}


def test_rows_source_languages_dates_families_and_hold_out_are_told() -> None:
    assert list(data_lines(RECORDED)) == [
        "data",
        "  rows       4,000 read = 3,500 clean + 100 superseded + 350 folded + 50 quarantined "
        "(empty_text 20, no_usable_label 30)",
        "  source     desk.csv; 2 files of CSV in cp1252, columns parted by ';'; "
        "1 file of CSV in utf-8, columns parted by ','",
        "  languages  en 86%, und 14%, de under 1%",
        "  dates      2024-01-02 to 2026-02-03, dates by numbers read day first, 9 without a date, "
        "7 that cannot be read",
        "  families   41 of near-duplicates, with 12% of the tickets; the largest has 12",
        "  hold-out   520 held out, 2,900 to train on, 80 barred, being relatives of those held out",
    ]


def test_what_was_not_recorded_is_left_out() -> None:
    assert list(data_lines({})) == []
    split = {"models/split": {"sides": {"train": 3, "holdout": 1}}}
    assert list(data_lines(split)) == ["data", "  hold-out   1 held out, 3 to train on"]
    undated = {"tickets/quality": {"dates": [{"first": "", "last": "", "missing": 4, "future": 0}]}}
    assert list(data_lines(undated)) == []


def test_where_no_date_can_be_read_at_all_their_number_is_told() -> None:
    """Nothing was said, while the hold-out became a random one."""
    quality = {"dates": [{"first": "", "last": "", "missing": 4000, "future": 0}]}
    clean = {"unreadable_dates": 4000, "date_order": "as none, since nothing tells day from month"}
    assert list(data_lines({"tickets/quality": quality, "tickets/clean": clean}))[1:] == [
        "  dates      dates by numbers read as none, since nothing tells day from month, 4,000 that cannot be read"
    ]
    assert list(data_lines({"tickets/clean": {"unreadable_dates": 3}}))[1:] == ["  dates      3 that cannot be read"]


def test_a_doubt_of_the_hold_out_stands_below_it() -> None:
    split = {"models/split": {"sides": {"train": 3, "holdout": 1}, "doubt": "40% of the families held out are …"}}
    assert list(data_lines(split))[1:] == [
        "  hold-out   1 held out, 3 to train on",
        "             40% of the families held out are …",
    ]


def test_after_an_erasure_it_says_that_it_counted_before_it() -> None:
    raw = {"tickets/raw": {"erased": True}}
    assert next(data_lines({**RECORDED, **raw})) == "data, as the last run counted it before tickets were erased"


def test_many_languages_are_cut_to_the_most_frequent() -> None:
    counts = dict.fromkeys(("en", "de", "es", "fr", "it", "nl", "pl", "pt"), 10)
    [_, told] = data_lines({"tickets/clean": {"languages": counts}})
    assert told.split("  ")[-1] == "de 12%, en 12%, es 12%, fr 12%, it 12%, nl 12%, others 25%"
