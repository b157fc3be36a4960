"""The words by which an indicator would describe a people; such an indicator is refused.

It is a list of words in English, Russian, Uzbek and Kyrgyz, so it stops who does not know the
rule and not who wants to get round it.
"""

import re
from collections.abc import Mapping
from typing import Any

_ORGANISATION = re.compile(
    r"islamic (state|movement|republic|emirate|jihad|renaissance|party|development)"
)
#: Acts that carry such a word in their name: "religious extremism", "inter-ethnic clashes".
_KIND = r"(inter ?|multi ?)?(ethnic(ally)?|religious(ly)?|confessional|sectarian)"
_ACT = re.compile(
    rf"\b({_KIND} ((and|or) )?)+(motivated )?((hate|extremist|terrorist|violent) )?"
    r"(extremism|terrorism|violence|hatred|hostility|discord|clash(es)?|riots?|pogroms?"
    r"|conflicts?|attacks?|crimes?|offences?|killings?)\b"
    r"|\b(межэтническ|этническ|межрелигиозн|религиозн)\w+ "
    r"(экстремизм|терроризм|насили|вражд|ненавист|розн|столкновени|конфликт|погром)\w*"
)
#: Those who hold a belief or belong: with them the name of an act excuses nothing.
_HOLDERS = re.compile(
    r"\b(followers?|adherents?|supporters?|sympathi[sz]ers?|members?|converts?|preachers?|clergy"
    r"|population|residents|households|communit(y|ies)|groups?|minorit(y|ies)|famil(y|ies)"
    r"|последовател\w*|сторонник\w*|приверженц\w*|членов|населени\w*|жител\w*|общин\w*|групп\w*)\b"
)
_PRIVATE = re.compile(
    r"\b((inter|multi)?ethnic\w*|ethno\w*|nationalit\w+|rac(e|es|ial)|tribe|tribal|clan|clans"
    r"|religio\w*|faith\w*|church\w*|mosque\w*|madras+a\w*|prayer\w*|hijab\w*"
    r"|(inter)?confessional|sectarian\w*|denomination\w*"
    r"|muslim\w*|islam(ic|isation|ization)?|christian\w*|orthodox\w*|sunni\w*|shia|shiite\w*"
    r"|ismaili\w*|salafi\w*|jewish|jews|atheis\w+|believers?"
    r"|language\w*|linguistic\w*|speakers?|speaking|mother tongue|native tongue"
    r"|(меж)?этни\w*|национальност\w*|(меж)?религи\w*|мусульман\w*|ислам\w*|христиан\w*|мечет\w*"
    r"|язык\w*|миллат\w*|дин|диний|тил)\b"
)
_PEOPLES = (
    r"(kazakh|kyrgyz|tajik|turkmen|uzbek|uighur|uyghur|dungan|karakalpak|pamiri|russian"
    r"|pashtun|hazara|tatar|korean|turk|german|ukrainian|slav)s?"
)
_PEOPLE_SHARE = re.compile(
    rf"\b({_PEOPLES} (share|percent|pct|population|minority|majority|households|residents)"
    rf"|(share|percent|pct|percentage|proportion|number) (of )?(the )?{_PEOPLES})\b"
)


def private_word(item: Mapping[str, Any]) -> str:
    """Return the word by which an indicator describes a people, or an empty text.

    The name of an act ("religious extremism") is none, unless name or title speak of those who
    hold a belief or belong to a group ("followers of religious extremism").

    Parameters
    ----------
    item
        The declaration; its ``name`` and ``title`` are read.
    """
    texts = [re.sub(r"[_\W]+", " ", str(item.get(key, ""))).casefold() for key in ("name", "title")]
    held = any(_HOLDERS.search(text) for text in texts)
    for text in texts:
        rest = _ORGANISATION.sub(" ", text if held else _ACT.sub(" ", text))
        if match := _PRIVATE.search(rest) or _PEOPLE_SHARE.search(rest):
            return match[0]
    return ""
