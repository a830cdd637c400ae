"""The page to look through a set."""

import pytest
from PIL import Image

from rein.generation.manifest import Job, Made
from rein.generation.sheet import write_sheet
from rein.runtime.files import sha256


@pytest.fixture
def folder(tmp_path):
    job = Job(tmp_path, {'steps': 3, 'scheduler': {'class': 'Some', 'beta': None}}, 4)
    (tmp_path / 'images').mkdir()
    for number in range(4):
        path = tmp_path / f'images/im_{number}_p{number % 2}.png'
        line = {
            'file': f'images/{path.name}',
            'prompt': ('a <car>', 'a bus')[number % 2],
            'classes': ('car',) if number % 2 == 0 else (),
            'seed': 100 + number,
            'model': 'some/model',
            'revision': 'abc',
            'settings': job.digest,
        }
        if number == 3:
            job.add(Made(number, **{**line, 'file': ''}, refused='black'))
            continue
        Image.new('RGB', (400, 200), (number * 60, 0, 0)).save(path)
        about = {'sha256': sha256(path), 'size': path.stat().st_size, 'redraws': number}
        job.add(Made(number, **line, **about))
    job.finish({'torch': '2.x'})
    return tmp_path


def test_the_page_shows_every_image_small_by_prompt_with_what_made_it(folder):
    page = write_sheet(folder).read_text()
    assert page.count('<figure>') == 3
    assert 'a &lt;car&gt;' in page
    assert '2: seed 102, drawn 3 times' in page
    assert 'No image could be made for 1 of &quot;a bus&quot;.' in page
    assert '3 images were thrown away and drawn anew.' in page
    assert 'class Some, beta as the model does' in page
    assert 'some/model' in page
    assert '<td>car</td>' in page


def test_a_page_may_show_some_of_each_prompt(folder):
    page = write_sheet(folder, per_prompt=1).read_text()
    assert page.count('<figure>') == 2
    assert '1 of 2 images' in page


def test_an_image_that_is_gone_is_named(folder):
    (folder / 'images/im_0_p0.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'im_0_p0\.png is in the manifest and not there'):
        write_sheet(folder)
