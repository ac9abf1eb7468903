"""The profile is one that a colour library takes for sRGB."""

import io

from PIL import Image, ImageCms

from billing.srgb import NAME, profile


def test_the_profile_is_read_by_others_and_names_itself() -> None:
    content = profile()
    assert int.from_bytes(content[:4], "big") == len(content)
    assert len(content) < 1000
    found = ImageCms.ImageCmsProfile(io.BytesIO(content))
    assert ImageCms.getProfileDescription(found).strip() == NAME
    assert found.profile.is_matrix_shaper
    assert found.profile.version == 4.2


def test_colours_stay_what_they_are_beside_the_libraries_own_srgb() -> None:
    image = Image.merge(
        "RGB",
        [
            Image.linear_gradient("L"),
            Image.linear_gradient("L").rotate(90),
            Image.radial_gradient("L"),
        ],
    )
    ours = ImageCms.ImageCmsProfile(io.BytesIO(profile()))
    same = ImageCms.profileToProfile(image, ours, ImageCms.createProfile("sRGB"))
    assert same is not None
    before, after = image.tobytes(), same.tobytes()
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 1


def test_the_profile_is_always_the_same() -> None:
    assert profile() == profile.__wrapped__()
