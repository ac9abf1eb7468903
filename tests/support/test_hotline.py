"""What the hotline may do: every combination of what a station is given and who does what."""

from itertools import product

from support.hotline import Bar, Service, bar_to_act, bar_to_dispatch, refusal

BOTH = (False, True)


def test_on_the_phone_others_act_only_while_it_is_monitored_and_its_package_has_a_hotline() -> None:
    for is_monitored, hotline, dispatch in product(BOTH, repeat=3):
        service = Service(is_monitored, "Basic", hotline, dispatch)
        bar = bar_to_act(service, by_phone=True, is_own=False)
        assert (bar is None) == (is_monitored and hotline)
        if not is_monitored:
            assert bar is Bar.NOT_MONITORED
        assert bar_to_act(service, by_phone=True, is_own=True) is None
        assert bar_to_act(service, by_phone=False, is_own=False) is None
    assert bar_to_act(Service(is_monitored=True, package=None), by_phone=True, is_own=False) is None


def test_nobody_is_sent_without_monitoring_nor_without_package_or_the_operators_word() -> None:
    for is_monitored, dispatch, is_own, word in product(BOTH, BOTH, BOTH, ("", "  ", "Ms Frey")):
        service = Service(is_monitored, "Basic", dispatch=dispatch)
        bar = bar_to_dispatch(service, is_maintenance=False, is_own=is_own, word=word)
        assert (bar is None) == (is_monitored and (dispatch or is_own or bool(word.strip())))
        assert bar_to_dispatch(service, is_maintenance=True, is_own=is_own, word=word) is None


def test_a_refusal_says_what_to_do_and_its_code_why() -> None:
    basic = Service(is_monitored=True, package="Basic")
    said = {
        Bar.NOT_MONITORED: "switches the monitoring on, or acts himself",
        Bar.NO_HOTLINE: "The service package Basic of CS-1 has no hotline",
        Bar.NO_DISPATCH: "who of its operator agreed",
    }
    for bar in Bar:
        told = refusal(bar, "CS-1", basic)
        assert (told.bar, told.code) == (bar, bar.value)
        assert said[bar] in str(told)
