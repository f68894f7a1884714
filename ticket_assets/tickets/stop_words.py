"""Words that say how a sentence is built rather than what it is about, per language.

Belongs here: the lists of English, German, Spanish and French function words.
Does not belong here: dropping them (words.py), words of one desk's own trade (settings: `words.drop`).

Negations and questions are left out on purpose: "cannot log in" and "how do I log in" go to other desks. In a module
rather than a data file, so that no image can lack them.
"""

_LISTS = {
    "en": """
    a about after all also am an and any are as at be because been before being both but by did do does doing done
    during each few for from further had has have having he her here hers herself him himself his i if in into is
    it its itself just me more most my myself of on once only or other our ours ourselves out over own same she so
    some such than that the their theirs them themselves then there these they this those through to too under
    until up very was we were while will with would you your yours yourself yourselves
    """,
    "de": """
    ab aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bereits bin bis bist
    da dabei dadurch daher damit dann das dass dein deine dem den denn der deren des deshalb dessen die dies diese
    diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch euer eure für
    gegen gewesen habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in
    indem ins ist ja jede jedem jeden jeder jedes jene jetzt kann können könnte man mein meine meinem meinen meiner
    mich mir mit nach noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit selbst sich sie sind so
    solche soll sollte sondern sonst über um und uns unser unsere unserem unseren unserer unter vom von vor wäre
    während war waren weil weiter welche wenn werde werden wird wurde wurden zu zum zur zwar zwischen
    """,
    "es": """
    a al algo algunas algunos ante antes aquel aquella así aún aunque cada con contra cual de del desde donde dos
    durante e el él ella ellas ellos en entre era eran es esa esas ese eso esos esta está están estaba estamos
    estar estas este esto estos estoy fue fueron ha había habían han has hasta hay he hemos la las le les lo los me
    mi mis mucho muy más nos nosotros nuestra nuestras nuestro nuestros o os otra otras otro otros para pero por
    porque pues que se sea ser si sido siendo sobre son soy su sus también tan tanto te tener tengo tiene tienen
    todo todos tu tus un una unas uno unos usted ustedes y ya yo
    """,
    "fr": """
    à afin ai ainsi alors après as au aucun aussi autre autres aux avait avant avec avez avoir avons c car ce ceci
    cela ces cet cette ceux chaque chez ci comme d dans de depuis des deux donc du elle elles en encore entre es est
    et étaient était étant être eu eux fait fois ici il ils j je l la là le les leur leurs lors lorsque lui m ma
    mais me même mes moi mon n nos notre nous on ont ou où par parce peu peut plus plusieurs pour puis puisque qu
    que qui s sa se sera ses si son sont sous sur ta te tes toi ton tous tout toute toutes très tu un une vers vos
    votre vous y
    """,
}
STOP_WORDS = {language: frozenset(words.split()) for language, words in _LISTS.items()}
"""ISO 639-1 code to lower-case words."""
