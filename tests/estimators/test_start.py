"""What a call starts from: its seeds."""

from sknet._estimators.fit_run import Seeds, member_seeds


def test_the_first_of_several_networks_has_the_seeds_of_one_alone():
    assert member_seeds(Seeds(3, 4, 5), 1) == [(3, 5)]
    four, two = member_seeds(Seeds(3, 4, 5), 4), member_seeds(Seeds(3, 9, 5), 2)
    assert four[:2] == two and four[0] == (3, 5) and len({seed for pair in four for seed in pair}) == 8
