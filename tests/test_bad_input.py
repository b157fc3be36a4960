"""Bad input: each fault of a package names file, row, column, rule, value and way out."""

import json
from copy import deepcopy

import pytest
from data_packages import (
    INDICATOR,
    ROW,
    SOURCES,
    SOURCES_HEADER,
    VALUES_HEADER,
    descriptor,
    resource,
    write_districts,
    write_package,
    write_values,
)
from hypothesis import given
from hypothesis import strategies as st

from threatkit.data.catalogue import load_catalogue
from threatkit.data.peoples import private_word
from threatkit.errors import InvalidInput

TABLE = f"{VALUES_HEADER}\n{ROW}\n"
VALUES = "own/youth/values.csv"
DESCRIPTOR = "own/youth/datapackage.json"
PERIOD = (
    "a period is a year (2024), quarter (2024-Q1), month (2024-05), day (2024-05-17) "
    "or interval (2021-07-03/2021-07-04)"
)
CYRILLIC = (
    "уровень,код,показатель,период,значение,единица,надёжность,достоверность,источник,примечание"
)
PRIVATE = (
    "ethnicity, religion and language are not indicators: the toolkit describes areas and "
    "their conditions, never peoples"
)
LEAVE = "Leave the indicator out; if it counts acts, let name and title say which."


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return the folder of a package to be written, beside a table of districts."""
    monkeypatch.chdir(tmp_path)
    write_districts(tmp_path / "own" / "districts")
    return tmp_path / "own" / "youth"


def messages(own, *folders):
    with pytest.raises(InvalidInput) as caught:
        load_catalogue(folders or [own.parent], shipped=False)
    return [str(fault) for fault in caught.value.faults]


def row(**cells):
    return ",".join(
        (dict(zip(VALUES_HEADER.split(","), ROW.split(","), strict=True)) | cells).values()
    )


def indicator(**keys):
    return {key: value for key, value in (dict(INDICATOR) | keys).items() if value != "absent"}


def write_table(own, body):
    return write_package(own, descriptor(), {"values.csv": body, "sources.csv": SOURCES})


def test_a_sound_package_passes(own):
    write_values(own)
    assert len(load_catalogue([own.parent], shipped=False).values) == 1


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        (
            "area_code",
            "KG-Z",
            "an area of level adm1 is an oblast of the region by ISO 3166-2, found 'KG-Z'. "
            "Those of the country are KG-B, KG-C.",
        ),
        (
            "area_code",
            "KG-B-batken",
            "an area of level adm1 is an oblast of the region by ISO 3166-2, found "
            "'KG-B-batken'. KG-B-batken is a district: its level is adm2.",
        ),
        (
            "area_code",
            "",
            "the code of the area is given, found an empty cell. Fill it in; an ISO 3166-1 or "
            "3166-2 code or a district code.",
        ),
        (
            "area_level",
            "adm3",
            "the level of an area is adm0, adm1, adm2 or point, found 'adm3'. Did you mean 'adm2'?",
        ),
        (
            "indicator",
            "youth_shares",
            "an indicator is declared in a descriptor, found 'youth_shares'. "
            "Did you mean 'youth_share'?",
        ),
        (
            "indicator",
            "poverty",
            "an indicator is declared in a descriptor, found 'poverty'. Declare it under "
            "threatkit.indicators in datapackage.json.",
        ),
        ("period", "2024Q1", f"{PERIOD}, found '2024Q1'. Did you mean 2024-Q1?"),
        (
            "period",
            "2024-13",
            "a period names a month or day that exists, found '2024-13'. "
            "Check the month and the day.",
        ),
        (
            "value",
            "131.5",
            "a share lies between 0 and 100 (youth_share, percent), found '131.5'. "
            "Check the value and its unit.",
        ),
        (
            "value",
            "-1",
            "a share lies between 0 and 100 (youth_share, percent), found '-1'. "
            "Check the value and its unit.",
        ),
        (
            "value",
            '"12,5"',
            "decimals are written with a point, thousands without a separator, found '12,5'. "
            "Write 12.5 or 125.",
        ),
        (
            "value",
            '"1,234.5"',
            "thousands are written without a separator, found '1,234.5'. Delete the separators.",
        ),
        (
            "value",
            "NaN",
            "a number is finite, found 'NaN'. Leave the cell empty, or the row out, where the "
            "value is unknown.",
        ),
        (
            "value",
            "-Inf",
            "a number is finite, found '-Inf'. Leave the cell empty, or the row out, where the "
            "value is unknown.",
        ),
        (
            "value",
            "1e999",
            "a number is finite, found '1e999'. Leave the cell empty, or the row out, where the "
            "value is unknown.",
        ),
        (
            "value",
            "about 5",
            "the value is a number, found 'about 5'. Write nothing but digits; units and "
            "remarks belong into 'note'.",
        ),
        (
            "value",
            "",
            "a row holds a value, found an empty cell. Leave the row out where the value is "
            "unknown.",
        ),
        (
            "unit",
            "fraction",
            "indicator 'youth_share' is given in 'percent', found 'fraction'. "
            "Convert the value and write 'percent'.",
        ),
        (
            "reliability",
            "G",
            "the reliability of a source is a letter A to F, found 'G'. "
            "Write F where it cannot be judged.",
        ),
        (
            "credibility",
            "7",
            "the credibility of an item is a digit 1 to 6, found '7'. "
            "Write 6 where it cannot be judged.",
        ),
        ("credibility", "2.0", "the value is a whole number, found '2.0'. Write 2."),
        (
            "source_id",
            "s2",
            "the source stands in sources.csv, found 's2'. Add it there with its address.",
        ),
        (
            "source_id",
            "",
            "every row names its source, found an empty cell. Add it to sources.csv.",
        ),
        (
            "note",
            "bell\x07",
            "text holds no control characters but tab and line feed, found 'bell\\x07'. "
            "Delete them.",
        ),
    ],
)
def test_a_wrong_cell(own, column, cell, told):
    write_values(own, row(period="2023"), row(**{column: cell}))
    assert messages(own) == [f"{VALUES}, row 3, column '{column}': {told}"]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("KG-B-batkn", "Did you mean 'KG-B-batken' (Batken)?"),
        ("Isfara", "Did you mean TJ-SU-isfara?"),
        ("KG-B", "KG-B is an oblast: its level is adm1."),
        ("ZZ-9-nowhere", "The codes are in indicators/districts/districts.csv."),
    ],
)
def test_an_unknown_district(own, code, advice):
    write_values(own, row(area_level="adm2", area_code=code))
    assert messages(own) == [
        f"{VALUES}, row 2, column 'area_code': an area of level adm2 is a code of the table of "
        f"districts, found '{code}'. {advice}"
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param(
            TABLE.replace(",", ";"),
            ", row 1: cells are separated by a comma, found a semicolon. Save the file with that "
            'separator, or declare the one it has in datapackage.json: "dialect": '
            '{"delimiter": ";"}.',
            id="semicolon",
        ),
        pytest.param(
            TABLE.replace(",", "\t"),
            ", row 1: cells are separated by a comma, found a tab. Save the file with that "
            'separator, or declare the one it has in datapackage.json: "dialect": '
            '{"delimiter": "\\t"}.',
            id="tab",
        ),
        pytest.param(
            f"{CYRILLIC}\n{ROW}\n",
            f", row 1: columns {', '.join(map(repr, CYRILLIC.split(',')))} are not in the schema; "
            f"expected columns {VALUES_HEADER.replace(',', ', ')}",
            id="cyrillic headers",
        ),
        pytest.param(
            f"{TABLE}{ROW},Ошская\n".encode("cp1251"),
            ", row 3, byte 184: the file is UTF-8 text, found byte 0xce. Save it as 'CSV UTF-8'. "
            "It looks like Windows-1251.",
            id="windows-1251",
        ),
        pytest.param(
            TABLE.encode("utf-16"),
            ": the file is UTF-8 text, found UTF-16. Save it as 'CSV UTF-8'.",
            id="utf-16",
        ),
        pytest.param(
            "",
            ": a table has a header row, found an empty file. Write the header, or take the file "
            "out of datapackage.json.",
            id="empty",
        ),
        pytest.param(
            "\ufeff\r\n",
            ": a table has a header row, found an empty file. Write the header, or take the file "
            "out of datapackage.json.",
            id="only a byte order mark",
        ),
        pytest.param(
            TABLE.replace("31.5", "31\0.5"),
            ", row 2, byte 117: text holds no NUL bytes, found 1 of them. The file is damaged or "
            "is no CSV; export it again as 'CSV UTF-8'.",
            id="nul",
        ),
        pytest.param(
            f"{TABLE}{ROW[:-1]}\n",
            ", row 3: a row has 10 cells like the header, found 9",
            id="too few cells",
        ),
        pytest.param(
            f"{TABLE}{row(period='2023', value='31,5')}\n",
            ", row 3: a row has 10 cells like the header, found 11. Quote a cell that holds the "
            "separator, and write decimals with a point.",
            id="too many cells",
        ),
        pytest.param(
            f"{TABLE},,,,,,,,,\n",
            ", row 3: a row holds something, found empty cells only. Delete the row.",
            id="empty cells",
        ),
        pytest.param(
            f'{TABLE}{ROW}"open\n',
            ", row 3: quotes are closed, doubled inside quoted text, and cells are of sane length, "
            'found unexpected end of data. Write a quote inside a quoted cell as "".',
            id="open quote",
        ),
        pytest.param(
            f"{TABLE}{ROW}\n",
            ", rows 2 and 3: one fact of one source (area_level, area_code, indicator, period, "
            "source_id) stands once, found 'adm1', 'KG-B', 'youth_share', '2024', 's1'. "
            "Keep one of the rows.",
            id="duplicate",
        ),
    ],
)
def test_a_wrong_file(own, body, told):
    write_table(own, body)
    assert messages(own) == [f"{VALUES}{told}"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"\ufeff{TABLE}", id="byte order mark"),
        pytest.param(TABLE.replace("\n", "\r\n"), id="crlf"),
        pytest.param(TABLE.replace("\n", "\r"), id="cr"),
        pytest.param(TABLE.rstrip("\n"), id="no last line feed"),
        pytest.param(TABLE + "\n\n", id="empty lines"),
        pytest.param("﻿" + TABLE.replace("\n", "\r\n"), id="byte order mark and crlf"),
    ],
)
def test_harmless_forms_read_alike(own, body):
    write_table(own, TABLE)
    plain = load_catalogue([own.parent], shipped=False).values
    write_table(own, body)
    assert load_catalogue([own.parent], shipped=False).values.equals(plain)


def test_a_line_break_within_a_cell(own):
    write_table(own, f'{VALUES_HEADER}\r\n{ROW}"two\r\nlines"\r\n')
    assert load_catalogue([own.parent], shipped=False).values["note"].tolist() == ["two\nlines"]


def test_a_header_alone_is_an_empty_table(own):
    write_table(own, f"{VALUES_HEADER}\n")
    catalogue = load_catalogue([own.parent], shipped=False)
    assert len(catalogue.values) == 0
    assert catalogue.values["value"].dtype == "float64"


def test_a_column_mistyped(own):
    write_table(own, TABLE.replace("area_code", "Area_Code "))
    first, second = messages(own)
    assert first == (
        f"{VALUES}, row 1: column 'Area_Code ' is not in the schema; expected columns "
        f"{VALUES_HEADER.replace(',', ', ')}. Did you mean 'area_code'?"
    )
    assert second.startswith(f"{VALUES}, row 1: column 'area_code' of the schema is missing")


def test_a_column_twice(own):
    write_table(own, TABLE.replace("note", "unit"))
    assert any(
        "a column stands once in the header, found 'unit' 2 times" in m for m in messages(own)
    )


def test_rows_count_lines_as_an_editor_does(own):
    body = f'{VALUES_HEADER}\n{ROW}"two\nlines"\n\n{row(period="2023", value="x")}\n'
    write_table(own, body)
    (told,) = messages(own)
    assert told.startswith(f"{VALUES}, row 5, column 'value'")


def test_the_same_fault_in_many_rows_is_told_once_with_its_rows(own):
    write_values(own, *(row(period=str(year), unit="%") for year in range(2000, 2013)))
    (told,) = messages(own)
    assert told.startswith(
        f"{VALUES}, rows 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more, column 'unit'"
    )


def test_a_declared_separator_and_decimal_comma_are_read(own):
    content = descriptor()
    content["resources"][0]["dialect"] = {"delimiter": ";"}
    content["resources"][0]["schema"]["fields"][4]["decimalChar"] = ","
    body = TABLE.replace(",", ";").replace("31.5", "31,5")
    write_package(own, content, {"values.csv": body, "sources.csv": SOURCES})
    assert load_catalogue([own.parent], shipped=False).values["value"].tolist() == [31.5]


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "=cmd|'/C calc'!A0", "+1", "Ош «Ү»"])
def test_text_stays_text(own, text):
    write_values(own, row(note=text))
    assert load_catalogue([own.parent], shipped=False).values["note"].tolist() == [text]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"direction": "absent"},
            ": an indicator declares its direction, found nothing. "
            'Add "direction": one of higher_is_worse or higher_is_better.',
        ),
        (
            {"direction": "higher is worse"},
            ", key 'direction': the direction is one of higher_is_worse or higher_is_better, "
            "found 'higher is worse'. Did you mean 'higher_is_worse'?",
        ),
        (
            {"pillar": "youths"},
            ", key 'pillar': the pillar is one of border, youth, extremism, context or outcome, "
            "found 'youths'. Did you mean 'youth'?",
        ),
        ({"maximum": 150}, ", key 'maximum': a share lies between 0 and 100, found 150"),
        (
            {"minimum": 50, "maximum": 5},
            ": the minimum is below the maximum, found 50 and 5. Swap them.",
        ),
        ({"minimum": "0"}, ", key 'minimum': the limit is a number or null, found '0'"),
        ({"units": "x"}, ", key 'units': the key is known, found 'x'. Did you mean 'unit'?"),
        ({"use": "yes"}, ", key 'use': 'use' is true or false, found 'yes'"),
        ({"per": "area"}, ", key 'per': 'per' is population or null, found 'area'"),
        ({"title": "Share of Muslims"}, f": {PRIVATE}, found 'muslims'. {LEAVE}"),
        ({"title": "Mother tongue"}, f": {PRIVATE}, found 'mother tongue'. {LEAVE}"),
        ({"title": "Uzbek share"}, f": {PRIVATE}, found 'uzbek share'. {LEAVE}"),
        ({"title": "Доля мусульман"}, f": {PRIVATE}, found 'мусульман'. {LEAVE}"),
    ],
)
def test_a_wrong_declaration(own, keys, told):
    write_values(own, content=descriptor(indicators=(indicator(**keys),)))
    assert messages(own) == [f"{DESCRIPTOR}, indicator 'youth_share'{told}"]


@pytest.mark.parametrize(
    "title",
    [
        "Cases of religious extremism",
        "Convicted of ethnic or religious hatred",
        "Inter-ethnic clashes",
        "Interethnic conflicts",
        "Religiously motivated violence",
        "Преступления религиозного экстремизма",
        "Межэтнические столкновения",
        "Attacks by Islamic State",
        "Tajik border guards killed",
    ],
)
def test_the_name_of_an_act_describes_no_people(title):
    assert private_word({"name": "cases", "title": title}) == ""
    assert private_word({"name": title.lower().replace(" ", "_"), "title": "Cases"}) == ""


@pytest.mark.parametrize(
    ("title", "found"),
    [
        ("Followers of religious extremism", "religious"),
        ("Religious extremists on the register", "religious"),
        ("Residents who approve of religious violence", "religious"),
        ("Ethnic groups in conflict", "ethnic"),
        ("Ethnic conflict groups", "ethnic"),
        ("Muslims convicted of religious extremism", "muslims"),
        ("Religious extremism among ethnic minorities", "religious"),
        ("Religious extremism by mosque", "mosque"),
        ("Interethnic marriages", "interethnic"),
        ("Sectarian schools", "sectarian"),
        ("Сторонники религиозного экстремизма", "религиозного"),
        ("Межэтнические браки", "межэтнические"),
        ("Number of Uzbeks killed in ethnic violence", "number of uzbeks"),
    ],
)
def test_an_act_does_not_excuse_those_it_is_laid_to(title, found):
    assert private_word({"name": "cases", "title": title}) == found


def test_a_name_without_people_does_not_excuse_a_title_with_them():
    assert private_word({"name": "religious_extremism", "title": "Followers"}) == "religious"


def test_organisations_and_areas_are_not_peoples(own):
    titles = (
        "Fighters of the Islamic State",
        "Islamic Movement of Uzbekistan, members",
        "Tajik labour migrants in Russia",
        "Distance to the Kyrgyz border",
    )
    declared = (INDICATOR, *(indicator(name=f"i{n}", title=t) for n, t in enumerate(titles)))
    write_values(own, content=descriptor(indicators=declared))
    assert len(load_catalogue([own.parent], shipped=False).indicators) == 5


def test_a_logarithm_needs_values_above_zero(own):
    declared = indicator(measure="count", transform="log", minimum=0, maximum=None)
    write_values(own, row(value="0"), content=descriptor(indicators=(declared,)))
    assert messages(own) == [
        f"{VALUES}, row 2, column 'value': indicator 'youth_share' has the transform log, which "
        "needs values above 0, found '0'. Declare the transform log1p or identity."
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"name": "a",}', ", row 1, character 13: the descriptor is valid JSON, found"),
        ("[]", ": the descriptor is a JSON object, found list"),
        ("[" * 100_000, ": the descriptor is valid JSON, found too deep a nesting"),
        ("", ", row 1, character 1: the descriptor is valid JSON, found Expecting value"),
    ],
)
def test_a_descriptor_that_cannot_be_read(own, content, told):
    write_values(own)
    write_package(own, content, {})
    (message,) = messages(own)
    assert message.startswith(f"{DESCRIPTOR}{told}")


def changed(**keys):
    content = descriptor()
    content["resources"][0].update(keys)
    return content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            changed(hash="sha256:" + "0" * 64),
            f"{VALUES}: the file has the hash and bytes that its descriptor says, found "
            "sha256:ca9b77c1b66b... and 136 bytes. If the change is meant, run: "
            "python -m threatkit.derive.descriptors own/youth",
        ),
        (
            changed(bytes=3),
            f"{VALUES}: the file has the hash and bytes that its descriptor says, found "
            "sha256:ca9b77c1b66b... and 136 bytes. If the change is meant, run: "
            "python -m threatkit.derive.descriptors own/youth",
        ),
        (
            changed(path="../values.csv"),
            f"{DESCRIPTOR}, resource 'values': the path of a file stays inside the folder of its "
            "package, found '../values.csv'. Copy the file into the folder and name it by its "
            "relative path.",
        ),
        (
            changed(encoding="cp1251"),
            f"{DESCRIPTOR}, resource 'values': the encoding is utf-8, found 'cp1251'. "
            "Save the file as UTF-8.",
        ),
    ],
)
def test_a_wrong_resource(own, content, told):
    write_values(own, content=content)
    assert told in messages(own)


def test_schema_constraints(own):
    content = descriptor()
    fields = {f["name"]: f for f in content["resources"][0]["schema"]["fields"]}
    fields["note"]["constraints"] = {"required": True}
    fields["value"]["constraints"] = {"minimum": 50}
    fields["unit"]["constraints"] = {"pattern": "[0-9]+"}
    fields["period"]["constraints"] = {"enum": ["2025"]}
    fields["source_id"]["constraints"] = {"unique": True}
    write_values(own, ROW, row(area_code="TJ-SU"), content=content)
    assert messages(own) == [
        f"{VALUES}, rows 2 and 3, column 'period': the value is 2025, found '2024'. "
        "Did you mean '2025'?",
        f"{VALUES}, rows 2 and 3, column 'value': the value is at least 50, found '31.5'",
        f"{VALUES}, rows 2 and 3, column 'unit': the value has the form [0-9]+, found 'percent'",
        f"{VALUES}, rows 2 and 3, column 'source_id': a value stands once in the column, "
        "found 's1'. Keep one row.",
        f"{VALUES}, rows 2 and 3, column 'note': the cell is filled, found an empty cell. "
        "Fill it in.",
    ]


def test_keys_within_a_package(own):
    header = "key,parent,start,end"
    pairs = resource(
        "pairs",
        header,
        primaryKey="key",
        foreignKeys=[{"fields": "parent", "reference": {"resource": "", "fields": "key"}}],
    )
    content = descriptor("youth", pairs, indicators=())
    write_package(own, content, {"pairs.csv": f"{header}\na,a,,\nb,c,,\na,,,\n"})
    assert messages(own) == [
        "own/youth/pairs.csv, rows 2 and 4: the primary key (key) stands once, found 'a'. "
        "Keep one of the rows.",
        "own/youth/pairs.csv, row 3, column 'parent': the value stands in column 'key' of "
        "pairs.csv, found 'c'. Add it to pairs.csv.",
    ]


@pytest.mark.parametrize(
    ("header", "types", "cells", "told"),
    [
        (
            "date_start,date_end",
            {"date_start": "date", "date_end": "date"},
            "2024-05-02,2024-05-01",
            "row 2, columns 'date_start' and 'date_end': 'date_start' is not above 'date_end', "
            "found 2024-05-02 and 2024-05-01. Check both; they may be swapped.",
        ),
        (
            "date_start,date_end",
            {"date_start": "date", "date_end": "date"},
            "2024-02-30,2024-05-01",
            "row 2, column 'date_start': a date exists and is written as year-month-day, "
            "found '2024-02-30'. Write it as 2024-05-17.",
        ),
        (
            "date_start,date_end",
            {},
            "2024-06,2024-05-31",
            "row 2, columns 'date_start' and 'date_end': 'date_start' is not above 'date_end', "
            "found 2024-06 and 2024-05-31. Check both; they may be swapped.",
        ),
        (
            "date_start,date_end",
            {},
            "17.05.2024,2024",
            "row 2, column 'date_start': a date is a day (2024-05-17), or a month (2024-05) or "
            "year (2024) if no more is known, found '17.05.2024'. Did you mean 2024-05-17?",
        ),
        (
            "latitude,longitude",
            {"latitude": "number", "longitude": "number"},
            "140.5,39.1",
            "row 2, column 'latitude': a latitude lies between -90 and 90 degrees, found '140.5'",
        ),
        (
            "country,coverage",
            {},
            "KGS,covered",
            "row 2, column 'country': a country is an ISO 3166-1 code (AFG, KGZ, TJK), "
            "found 'KGS'. Did you mean 'KGZ'?",
        ),
        (
            "flag,year",
            {"flag": "boolean", "year": "year"},
            "maybe,24",
            "row 2, column 'flag': the value is true or false, found 'maybe'. "
            "Write true or false, or 1 or 0.",
        ),
    ],
)
def test_rules_for_columns_of_any_table(own, header, types, cells, told):
    content = descriptor("youth", resource("things", header, types), indicators=())
    write_package(own, content, {"things.csv": f"{header}\n{cells}\n"})
    assert f"own/youth/things.csv, {told}" in messages(own)


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("", "a source has an address or a full reference that can be followed"),
        ("www.example.org/a", "an address starts with http:// or https:// and holds no spaces"),
        ("https://a.org/1 and b", "an address starts with http:// or https:// and holds no spaces"),
    ],
)
def test_a_source_that_cannot_be_followed(own, address, rule):
    write_values(own, sources=SOURCES.replace("https://example.org/s1", address))
    (told,) = messages(own)
    assert told.startswith(f"own/youth/sources.csv, row 2, column 'path': {rule}")


def test_folders(own, tmp_path):
    write_values(own)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare" / "inner").mkdir(parents=True)
    (tmp_path / "bare" / "inner" / "values.csv").write_text(TABLE)
    (tmp_path / "file").write_text("")
    told = messages(own, own.parent, *(tmp_path / n for n in ("empty", "bare", "file", "no")))
    assert told == [
        "empty: the folder is a data package or holds some, found no datapackage.json in it or in "
        "its subfolders. Name the folder that holds the packages; 'threatkit init' writes an "
        "example.",
        "bare/inner: a folder with CSV files has a datapackage.json, found none. "
        "Write one, or move the folder away.",
        "file: the folder of indicators exists, found a file. Check the path.",
        "no: the folder of indicators exists, found no such folder. Check the path.",
    ]


def test_files_missing_or_not_named(own):
    write_values(own)
    (own / "values.csv").rename(own / "value.csv")
    assert messages(own) == [
        f"{VALUES}: the file that the descriptor names exists, found no such file. Add the file, "
        "or take resource 'values' out of datapackage.json.",
        "own/youth/value.csv: every CSV of a package is named in its datapackage.json, found not "
        "named. Add it under 'resources', or move it away.",
    ]


def test_two_packages_that_define_one_indicator_differently(own):
    write_values(own)
    other = descriptor("other", indicators=(indicator(direction="higher_is_better"),))
    write_values(own.parent / "other", row(period="2020"), content=other)
    assert messages(own) == [
        f"{DESCRIPTOR}, indicator 'youth_share': an indicator declared in two packages is the same "
        "in both (also in package 'other'), found other direction. Give yours another name, or "
        "leave its declaration to the other package."
    ]


def test_a_name_used_twice_in_one_folder(own):
    write_values(own)
    write_values(own.parent / "other")
    (told,) = messages(own)
    assert "the name of a package is used once in a folder, found 'youth'" in told


def test_all_faults_of_all_files_at_once(own):
    content = descriptor(indicators=(indicator(direction="absent"),))
    write_values(
        own,
        row(value="131"),
        row(period="24"),
        row(unit="x", area_code="KG-X"),
        content=content,
        sources=f"{SOURCES_HEADER}\ns1,A,,,,,\n",
    )
    write_districts(
        own.parent / "districts",
        "district,name,country,oblast,population\n"
        "KG-B-batken,Batken,KGZ,KG-B,many\nKG-B-batken,Batken,KGZ,KG-B,1\n",
    )
    told = messages(own)
    pieces = (
        "districts.csv, row 2, column 'population': the value is a number",
        "districts.csv, rows 2 and 3: the primary key",
        "declares its direction",
        "row 2, column 'value'",
        "row 3, column 'period'",
        "row 4, column 'area_code'",
        "row 4, column 'unit'",
        "sources.csv, row 2, column 'path'",
    )
    for piece in pieces:
        assert sum(piece in line for line in told) == 1, piece
    assert len(told) == len(pieces)


@pytest.mark.parametrize("text", ["\x1b[31mred", "\ud800", "bell\x07"])
def test_control_characters_in_a_descriptor(own, text):
    content = descriptor()
    content["title"] = text
    write_values(own)
    write_package(own, json.dumps(content), {})
    (told,) = messages(own)
    assert told.startswith(f"{DESCRIPTOR}: texts are valid and hold no control characters")
    assert told.isprintable()


def test_a_folder_that_cannot_be_read(own, monkeypatch):
    folder = own.parent / "locked"
    folder.mkdir()

    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(folder), "iterdir", refuse)
    with pytest.raises(InvalidInput, match="the folder can be read, found Permission denied"):
        load_catalogue([folder], shipped=False)


JUNK = st.sampled_from([None, 1, -2.5, True, "x", "", [], {}, [None], [1, "a"], {"a": 1}, [[]]])


@st.composite
def broken_descriptors(draw):
    """Replace one node of a sound descriptor by something of another kind."""
    content = descriptor()
    content["resources"][0] |= {"dialect": {"delimiter": ","}, "hash": "x", "bytes": 3}
    fields = content["resources"][0]["schema"]["fields"]
    fields[4]["constraints"] = {"minimum": 0, "maximum": 100, "required": True}
    fields[5]["constraints"] = {"enum": ["percent"], "pattern": "p.*", "minLength": 1}
    node = content = deepcopy(content)
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or draw(st.booleans()):
            node[key] = draw(JUNK)
            return content
        node = node[key]


@given(broken_descriptors())
def test_no_descriptor_gives_a_traceback(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    write_districts(folder / "districts")
    write_values(folder / "youth", content=json.loads(json.dumps(content)))
    try:
        load_catalogue([folder], shipped=False)
    except InvalidInput as error:
        told = str(error)
        if not told:
            pytest.fail("an error without a message")


@given(st.lists(st.tuples(st.integers(0, len(TABLE) - 1), st.binary(max_size=3)), max_size=4))
def test_no_bytes_give_a_traceback(tmp_path_factory, edits):
    folder = tmp_path_factory.mktemp("any")
    write_districts(folder / "districts")
    raw = bytearray(TABLE.encode())
    for place, piece in edits:
        raw[place : place + 1] = piece
    write_table(folder / "youth", bytes(raw).decode("latin-1").encode("latin-1"))
    try:
        load_catalogue([folder], shipped=False)
    except InvalidInput as error:
        told = str(error)
        if not told:
            pytest.fail("an error without a message")
