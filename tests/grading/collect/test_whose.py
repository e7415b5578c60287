"""A file is somebody's only where that is unmistakable; a teacher's table and a mail's sender can say it."""

import io
from datetime import UTC, datetime

import pytest
from collect_helpers import ADA, ALAN, PEOPLE, mail, put, sort, whose

from mnistkit.errors import UserError
from mnistkit.grading.collect import mail as mails
from mnistkit.grading.collect.archive import ArchiveEntry, Refused
from mnistkit.grading.collect.mail import attachments, read_sender
from mnistkit.grading.collect.match_student import Roster
from mnistkit.grading.collect.student_map import read_student_map, with_entries
from mnistkit.grading.export.platforms import GRADE_FORMATS
from mnistkit.grading.roster import Student, read_roster
from mnistkit.grading.tables import read_table

CLASS = [
    *(Student("uvl", "Ursula", "von der Leyen"), Student("will", "Will", "Smith")),
    *(Student("m2", "Anna-Lena", "Meyer"), Student("zf", "Zu", "Fu"), Student("vg", "Vincent", "van Gogh")),
    *(
        Student("ob", "Conan", "O'Brien"),
        Student("am", "Alan Mathison", "Turing"),
        Student("k7", "Kai", "An"),
    ),
]


@pytest.mark.parametrize(
    ("path", "student"),
    [
        # One name, and another person's beside it.
        ("Eve Turing/x.ipynb", ""),
        ("John Smith/x.ipynb", ""),
        ("Smith John 02.ipynb", ""),
        ("Lena Schmidt - 02_triple.ipynb", ""),
        ("Meyer Lena Sophie_1_assignsubmission_file_/x.ipynb", ""),
        ("Anna Schmidt Meyer_1_assignsubmission_file_/x.ipynb", ""),
        ("I will hand this in.ipynb", ""),
        ("hw1-eve-will/02_triple.ipynb", ""),
        ("Franz von der Heide.ipynb", ""),
        ("Neil O Hara/x.ipynb", ""),
        ("J Smith.ipynb", ""),
        ("fu.ipynb", ""),
        ("an_02.ipynb", ""),
        # A full name, and more of another person's around it.
        ("Will Smith Jones/x.ipynb", ""),
        ("Jones, Will Smith 02.ipynb", ""),
        ("Will Smith Jones_1_assignsubmission_file_/x.ipynb", ""),
        ("Eve Alan Mathison Turing_1_assignsubmission_file_/x.ipynb", ""),
        ("Jo Anna X Lena Meyer/x.ipynb", ""),
        # The same names, and nothing else that could be a name.
        ("Turing/02.ipynb", "am"),
        ("Re Abgabe von Smith.ipynb", "will"),
        ("my final hand-in turing v2.ipynb", "am"),
        ("Anna Meyer/x.ipynb", "m2"),
        ("V Gogh.ipynb", "vg"),
        ("will_02.ipynb", "will"),
        ("k7 my notebook of tuesday.ipynb", "k7"),
        ("Zu Fu.ipynb", "zf"),
        ("Will Andrew Smith_1_assignsubmission_file_/x.ipynb", "will"),
        ("Smith, Will (Uni)/x.ipynb", "will"),
        ("Vincent van Gogh - plan of mine.ipynb", "vg"),
        ("OBrien Conan/x.ipynb", "ob"),
        ("Abgaben/O'Brien_Conan_stranger_47/20261120173005_x.ipynb", "ob"),
        ("Alan M Turing_1_assignsubmission_file_/x.ipynb", "am"),
    ],
)
def test_a_part_of_a_name_counts_only_if_it_is_unmistakable(path, student):
    assert whose([path], CLASS) == [student]


PREFIXED = [f"{name}_{n}_assignsubmission_file_/x.ipynb" for n, name in enumerate(
    ["Montag 8 Uhr-Will Smith", "Montag 8 Uhr-Zu Fu", "Eva-Anna-Lena Meyer", "Eva-Zu Maier"])]  # fmt: skip
NUMBERS = [Student("11", "Ada", "Lovelace"), Student("12", "Alan", "Turing"), Student("2026", "Li", "Wei")]


@pytest.mark.parametrize(
    ("people", "files"),
    [
        (CLASS, dict(zip(PREFIXED, ("will", "zf", "", ""), strict=True))),
        # A number beside other words is a group's, a sheet's or a part of a date.
        (NUMBERS, {"Lab 11/Alan Turing/x.ipynb": "12", "Lab 12/Li Wei/x.ipynb": "2026"}),
        (NUMBERS, {"2026-11-20/Alan Turing.ipynb": "12", "2026-11-20/x.ipynb": ""}),
        (NUMBERS, {"Abgabe 11/x.ipynb": "", "Team 12 final.ipynb": ""}),
        (NUMBERS, {"11/x.ipynb": "11", "12_02.ipynb": "12"}),
        # Some in folders of groups, and some not.
        (PEOPLE, {"Gruppe 1/Ada Lovelace/al12.ipynb": "al12", "Montag/Alan Turing/x.ipynb": "alan",
                  "Montag/Grace Hopper/x.ipynb": "ada", "Li Wei/x.ipynb": "li1", "Eve/alan.ipynb": "",
                  "Eve Jones/alan/x.ipynb": "", "Gruppe 1/Eve Jones/alan.ipynb": ""}),
        (PEOPLE, {"Jan Novak (x-1)/x.ipynb": "x-1", "Novak, Jan_x-12/x.ipynb": "x-12", "Jan Novak/x.ipynb": ""}),
        # Signs that make another letter are no accents.
        ([Student("r", "राम", "शर्मा"), Student("m", "มานะ", "ใจดี"), Student("k", "かな", "山田")],
         {"राम शर्मा/x.ipynb": "r", "रीमा शर्मा/x.ipynb": "", "มานะ ใจดี/x.ipynb": "m", "มานี ใจดี/x.ipynb": "",
          "山田 かな/x.ipynb": "k", "山田 がな/x.ipynb": ""}),
    ],
)  # fmt: skip
def test_whose_the_files_of_a_class_are(people, files):
    assert dict(zip(files, whose(list(files), people), strict=True)) == files


def test_words_of_all_files_are_about_the_hand_in():
    paths = [f"kmeans-lab-{name}/02_triple.ipynb" for name in ("turing", "smith", "eve-smith")]
    assert whose(paths, CLASS) == ["am", "will", ""]
    assert sort(paths, CLASS).unclear[0].why == "of will's name it has only 'smith', beside 'eve'"


def test_two_files_of_a_stranger_are_still_a_strangers():
    assert whose(["eve turing 01.ipynb", "eve turing 02_triple.ipynb"], CLASS) == ["", ""]


WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade\n"
    "Participant 11,{},Submitted,\nParticipant 12,{},Submitted,\n"
)
WHO = {
    "octo-cat": "al12",
    "Participant 4711": "alan",
    "who.ipynb": "ada",
    "Jan Novak": "x-12",
    "b@x.org": "soren",
}


@pytest.mark.parametrize(
    ("paths", "students"),
    [
        (["kmeans-octo-cat/02_triple.ipynb", "kmeans-eve/02_triple.ipynb"], ["al12", ""]),
        (["02-triple-octo-cat/02_triple.ipynb"], ["al12"]),
        (["kmeans-octo-cat-main/02_triple.ipynb", "kmeans-eve-main/02_triple.ipynb"], ["al12", ""]),
        (["02-triple-octo-cat-master.zip"], ["al12"]),
        (["Participant_4711_assignsubmission_file_/al12.ipynb"], ["alan"]),
        (["Teilnehmerin_4711_assignsubmission_file_/al12.ipynb"], ["alan"]),
        (["who.ipynb"], ["ada"]),
        (["Jan Novak/x.ipynb"], ["x-12"]),
        (["Jan Novak_7_assignsubmission_file_/x.ipynb"], ["x-12"]),
        # What a student chose says nothing: neither in the own folder nor behind what a platform wrote.
        (["al12/who.ipynb", "alan/02_triple.ipynb"], ["al12", "alan"]),
        (["Alan Turing_1_assignsubmission_file_/who.ipynb"], ["alan"]),
        (["eve-octo-cat/02_triple.ipynb"], [""]),
    ],
)
def test_a_table_says_whose_it_is(paths, students):
    assert whose(paths, PEOPLE, who=WHO) == students


FOLDER = f"Vorlesung {'Maschinelles Lernen ' * 6}"


@pytest.mark.parametrize(
    "files",
    [
        {"hw.ipynb": "al12", "hw.zip": "alan", "HW.ipynb": "", "Hw 2.ipynb": ""},
        {"A/hw.ipynb": "al12", "a/HW.ipynb": "alan"},
        {
            f"{FOLDER}/kaefer/x.ipynb": "al12",
            f"{FOLDER}/motte/x.ipynb": "alan",
            f"{FOLDER}/wespe/x.ipynb": "",
        },
        # Canvas' anonymous grading: capitals and small letters are two.
        {
            "anon_w5Yq3_1_alan.ipynb": "al12",
            "anon_LATE_W5yq3_2_x.ipynb": "alan",
            "anon_12345_3_alan.ipynb": "",
        },
    ],
)
def test_an_entry_of_a_table_is_what_it_says(files):
    assert set(whose(list(files))) == {""}
    who = {path.split("_")[-3] if "anon" in path else path: of for path, of in files.items() if of}
    assert dict(zip(files, whose(list(files), who=who), strict=True)) == files
    assert {one.path for one in sort(list(files)).unclear} == {*files}, (
        "they are listed as they are looked for"
    )


def test_of_two_tables_the_newer_one_counts():
    before = {"hw.ipynb": "al12", "hw.zip": "alan", "Turing": "alan"}
    assert with_entries(before, {"hw.zip": "ada", "turing/": "al12"}) == {
        "hw.ipynb": "al12",
        "hw.zip": "ada",
        "turing/": "al12",
    }


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("who,id\nocto-cat,al12\nx.ipynb,alan\n", {"octo-cat": "al12", "x.ipynb": "alan"}),
        ("id;github;mail\nal12;octo-cat;a@x.org\nalan;;b@x.org\n",
         {"octo-cat": "al12", "a@x.org": "al12", "b@x.org": "alan"}),
        ('"identifier","github_username","github_id","name"\n"al12","octo-cat","99",""\n"alan","","",""\n',
         {"octo-cat": "al12", "99": "al12"}),
        ("who,id\nx,al12\n'=y,\n", {"x": "al12"}),
        (WORKSHEET.format("Ada Lovelace,ada@example.org", "Alan Turing,") + "\n",
         {"Participant 11": "ada@example.org", "Participant 12": "Alan Turing"}),
    ],
)  # fmt: skip
def test_a_table_is_read_in_its_columns(tmp_path, text, entries):
    assert read_student_map(put(tmp_path, "who.csv", text)) == entries


def test_german_moodles_worksheet_is_one(tmp_path):
    text = (
        "ID,Vollständiger Name,ID-Nummer,E-Mail-Adresse,Status,Bewertung,Bestwertung\n"
        'Teilnehmer/in4711,Ada Lovelace,al12,ada@example.org,Zur Bewertung abgegeben,,"24,00"\n'
        'Teilnehmer/in4712,Alan Turing,alan,,Keine Abgabe,,"24,00"\n'
    )
    path = put(tmp_path, "worksheet.csv", text)
    assert read_student_map(path) == {"Teilnehmer/in4711": "al12", "Teilnehmer/in4712": "alan"}
    assert read_roster(path) == [ADA, ALAN]
    assert whose(["Teilnehmer_in_4712_assignsubmission_file_/x.ipynb"], who=read_student_map(path)) == [
        "alan"
    ]
    table, own = (
        read_table(path, (), ""),
        put(tmp_path, "own.csv", "id,status,github\nab12,new,x\ncd34,new,y\n"),
    )
    assert GRADE_FORMATS["moodle-offline"].most(table, table.rows[0][1], 5) == "24,00"
    assert [one.id for one in read_roster(own)] == ["ab12", "cd34"], "ids with a number are none of Moodle's"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("who,id\nx,al12\nx,alan\n", "line 3\n  found:    'x' for 'alan' and 'al12'"),
        ("who,id\nx,\n", "line 2\n  found:    'x' for nobody"),
        ("who,id,group\nx,al12,A\ny,alan,A\n", "'A' for 'alan' and 'al12'"),
        (WORKSHEET.format(",", ","), "the marking is still blind"),
        ("who,what\nx,y\n", "line 1\n  found:    the columns who, what"),
        ("id\nx\n", "line 1\n  found:    the columns id"),
    ],
)
def test_a_table_that_says_two_things_is_refused(tmp_path, text, says):
    with pytest.raises(UserError) as refused:
        read_student_map(put(tmp_path, "who.csv", text))
    assert says in str(refused.value)


# Mails.


def entry(content, name="Re_ my hand-in.eml"):
    return ArchiveEntry((name,), lambda: io.BytesIO(content))


@pytest.mark.parametrize(
    ("sender", "student", "why"),
    [
        ("Somebody <ADA@example.org>", "al12", ""),
        ('"Turing, Alan" <a.turing@home.example>', "alan", "Turing, Alan <a.turing@home.example>"),
        ("alan@example.org", "alan", "alan@example.org"),
        ("alan@uni.example", "", ""),
        ("b@x.org", "", ""),
        ("Jan Novak <jan@x.org>", "", "it could be of x-1, x-12"),
        ("Alan Turing <al12@example.org>", "", "it could be of al12, alan"),
        ("ada@example.org.evil.example", "", ""),
        ("", "", ""),
    ],
)
def test_a_mail_is_its_senders(sender, student, why):
    said = read_sender(entry(mail(sender)))
    found = Roster(PEOPLE).find_sender(said.address, said.name)
    assert (found.student, found.why) == (student, why)
    assert said.received == datetime(2026, 11, 20, 17, tzinfo=UTC)


def test_the_servers_time_counts_before_the_senders():
    assert read_sender(entry(mail("a@x.org", received=""))).received == datetime(2026, 1, 1, tzinfo=UTC)
    assert read_sender(entry(b"From: a@x.org\n\nno date")).received is None
    assert read_sender(entry(b"\0\xff nonsense")).address == ""


def test_a_mail_that_is_too_large_is_not_read(monkeypatch):
    monkeypatch.setattr(mails, "MAX_FILE", 100)
    with pytest.raises(Refused, match="the most that is read"):
        attachments(entry(mail("a@x.org")))


def test_attachments_have_names_that_lead_nowhere():
    found = attachments(entry(mail("a@x.org", ["../../02.ipynb", "b\\c.zip"])))
    assert [one.path for one in found] == [
        ("Re_ my hand-in.eml", "02.ipynb"),
        ("Re_ my hand-in.eml", "c.zip"),
    ]
    with found[0].opened() as stream:
        assert stream.read() == b'{"cells": []}'
    with pytest.raises(Refused, match="501 parts"):
        attachments(entry(mail("a@x.org", ["x"] * 500)))


# Lists of students, as platforms export them.


@pytest.mark.parametrize(
    "content",
    [
        "First Name,Last Name,Email Address,Week 1,Points,Feedback\n"
        "Ada,Lovelace,ada@example.org,,,\nAlan,Turing,alan@example.org,,,\n",
        "Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Gruppen\n"
        "Ada;Lovelace;;ada@example.org;G1\nAlan;Turing;;alan@example.org;G1\n",
        '"Voornaam","Achternaam","E-mailadres"\nAda,Lovelace,ada@example.org\nAlan,Turing,alan@example.org\n',
        '﻿Nombre,"Apellido(s)","Dirección de correo"\r\nAda,Lovelace,ada@example.org\r\nAlan,Turing,alan@example.org\r\n',
    ],
)
def test_without_ids_the_addresses_are_the_ids(tmp_path, content):
    path = put(tmp_path, "roster.csv", content)
    assert read_roster(path) == [
        Student("ada@example.org", "Ada", "Lovelace", "ada@example.org"),
        Student("alan@example.org", "Alan", "Turing", "alan@example.org"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
        "Last modified (submission),Last modified (grade),Feedback comments\n"
        "Participant 4711,Ada Lovelace,al12,ada@example.org,No submission,,10.00,Yes,-,-,\n"
        "Participant 4712,Alan Turing,alan,,No submission,,10.00,Yes,-,-,\n",
        "update\tusr_id\tlogin\tlastname\tfirstname\tstatus\tmark\tnotice\tcomment\temail\n"
        "0\t301\tal12\tLovelace\tAda\tnotgraded\t\t\t\tada@example.org\n0\t302\talan\tTuring\tAlan\tnotgraded\t\t\t\t\n",
    ],
)
def test_a_gradebook_is_a_list_of_students(tmp_path, content):
    assert read_roster(put(tmp_path, "roster.csv", content)) == [ADA, ALAN]
