"""The report on tests as a page, as Markdown and as pictures; and in a browser."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from planted import DAY, NIGHT, WORSE, plant, plant_worst

from rein.datasets.classes import CLASSES, CORRUPTIONS, LEVELS
from rein.report.evaluation import write_evaluation
from rein.report.evaluation_pictures import errors, row_percent
from rein.report.markdown import escaped

HOSTILE = '<script>alert("1")</script>|*_x_*'
DETAILS = {'data_classes': ['wall', 'fence', 'sky'], 'groups': None}


def test_a_page_shows_hostile_names_as_text(tmp_path):
    path = plant(
        tmp_path / 'a.json',
        {HOSTILE: NIGHT, 'day': DAY},
        (HOSTILE, 'sky'),
        config=f'{HOSTILE}.py',
        worst=plant_worst(tmp_path / 'w', HOSTILE),
    )
    write_evaluation([path], tmp_path / 'out', HOSTILE)
    page = (tmp_path / 'out/index.html').read_text()
    assert '<script' not in page and page.count(html.escape(HOSTILE)) >= 6
    text = (tmp_path / 'out/report.md').read_text()
    prose = re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)
    assert '<script' not in prose and escaped(HOSTILE) in prose
    rows = [line for line in prose.splitlines() if line.startswith(f'| {escaped(HOSTILE)}')]
    # A bar in a name is no border of a cell: the name and two domains.
    assert [len(re.findall(r'(?<!\\)\|', row)) for row in rows] == [4]


def test_a_page_needs_nothing_beside_it_and_markdown_links_what_is_there(tmp_path):
    worst = plant_worst(tmp_path / 'w', count=2)
    path = plant(tmp_path / 'a.json', {'night': NIGHT, 'day': DAY}, worst=worst)
    write_evaluation([path], tmp_path / 'out')
    page = (tmp_path / 'out/index.html').read_text()
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert page.count('<img') == 4 and '<script' not in page
    links = re.findall(r'\]\(([^)]+)\)', (tmp_path / 'out/report.md').read_text())
    assert len(links) == 5 and all((tmp_path / 'out' / link).is_file() for link in links)


def test_worst_images_stand_in_order_with_their_scores(tmp_path):
    worst = plant_worst(tmp_path / 'w', count=3)
    worst['night'].reverse()
    path = plant(tmp_path / 'a.json', {'night': NIGHT}, worst=worst)
    write_evaluation([path], tmp_path / 'out')
    captions = re.findall(r'<figcaption>(\d_image.*?)<', (tmp_path / 'out/index.html').read_text())
    scores = ('0.0', '10.0', '20.0')
    assert captions == [f'{k}_image.png, mIoU {score} %' for k, score in enumerate(scores)]


def test_a_picture_of_worst_images_marks_what_is_wrong(tmp_path):
    path = plant(tmp_path / 'a.json', {'night': NIGHT}, worst=plant_worst(tmp_path / 'w'))
    write_evaluation([path], tmp_path / 'out')
    picture = np.asarray(Image.open(tmp_path / 'out/pictures/01_01_worst_1.jpg')).astype(int)
    panel = picture[-120:, -240:]  # 64x32 as 240x120, below on the right
    red = (panel[..., 0] > 180) & (panel[..., 1:].max(-1) < 100)
    # 8 of 64 columns of 15 of 32 rows: the sky of the first row is not counted.
    assert red.mean() == pytest.approx(8 / 64 * 15 / 32, abs=0.01)


def test_what_is_missing_is_said_and_the_rest_is_there(tmp_path):
    worst = plant_worst(tmp_path / 'w', count=2)
    Path(worst['night'][0]['prediction_map']).unlink()
    Path(worst['night'][1]['image']).unlink()
    one = plant(tmp_path / 'a.json', {'night': NIGHT}, worst=worst, config='a.py')
    other = plant(tmp_path / 'b.json', {'night': NIGHT}, config='b.py')
    write_evaluation([one, other], tmp_path / 'out')
    page = (tmp_path / 'out/index.html').read_text()
    assert 'The picture of 0_image.png is left out: ' in page
    assert '1_image.png, mIoU 10.0 %; the image is not at' in page
    assert 'None were kept; tools/test.py keeps them with --worst N.' in page


def test_a_further_set_of_classes_that_some_results_lack_is_said(tmp_path):
    counts = {'day': np.eye(19, dtype=int)}
    one = plant(tmp_path / 'a.json', counts, CLASSES, config='a.py', metric={'also': ['synthia13']})
    other = plant(tmp_path / 'b.json', counts, CLASSES, config='b.py')
    write_evaluation([one, other], tmp_path / 'out')
    text = (tmp_path / 'out/report.md').read_text()
    assert 'Not all of these results have synthia13; left out.' in text


def test_errors_are_those_of_the_scored_classes():
    label = np.array([[0, 1, 2, 255]], np.uint8)
    prediction = np.array([[1, 1, 0, 2]], np.uint8)
    assert errors(label, prediction, DETAILS).tolist() == [[True, False, True, False]]
    merged = DETAILS | {'groups': {'barrier': ['wall', 'fence']}}
    assert errors(label, prediction, merged).tolist() == [[False, False, True, False]]


def test_rows_of_a_confusion_matrix_are_percent_of_their_label():
    shares = row_percent(np.array([[6, 2], [0, 0]]))
    assert shares[0].tolist() == [75, 25] and np.isnan(shares[1]).all()


MEASURE = """<script>
onload = () => {
  const found = [];
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument, root = page.documentElement;
    found.push({
      wide: root.clientWidth, needs: Math.max(root.scrollWidth, page.body.scrollWidth),
      pictures: page.images.length,
      decoded: [...page.images].filter(image => image.naturalWidth > 0).length,
      outside: [...page.querySelectorAll('p,figure,h1,h2,h3,h4,code,li,.wide')].filter(
        part => part.getBoundingClientRect().right > root.clientWidth + 1).length,
    });
  }
  document.body.dataset.found = JSON.stringify(found);
}
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which('chromium') is None, reason='there is no chromium to open pages')
def test_a_browser_shows_every_picture_and_scrolls_no_page_sideways(tmp_path):
    places = [f'cityscapes-c/{name}-{level}' for name in CORRUPTIONS[:2] for level in LEVELS]
    matrix = np.random.default_rng(0).integers(0, 99, (19, 19))
    domains = dict.fromkeys([*places, 'acdc-fog', 'acdc-night', 'a_long_name' * 6], matrix)
    worst = plant_worst(tmp_path / 'w', 'acdc-fog', count=3)
    results = [
        plant(tmp_path / f'{k}.json', domains, CLASSES, seed=k, worst=worst, checkpoint='/x' * 99)
        for k in range(2)
    ]
    results.append(plant(tmp_path / 'c.json', {'night': WORSE}, config='c.py'))
    write_evaluation(results, tmp_path / 'out')
    page = html.escape((tmp_path / 'out/index.html').read_text())
    frames = [
        f'<iframe width="{width}" height="900" srcdoc="{page}"></iframe>' for width in (1200, 400)
    ]
    opened = tmp_path / 'frames.html'
    opened.write_text(f'<!doctype html><body>{"".join(frames)}{MEASURE}')
    flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr']
    browser = subprocess.run(
        ['chromium', *flags, '--virtual-time-budget=10000', '--dump-dom', opened.as_uri()],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    assert [line for line in browser.stderr.splitlines() if 'CONSOLE' in line] == []
    measured = re.search(r'data-found="([^"]+)"', browser.stdout)
    wide, narrow = json.loads(html.unescape(measured[1]))
    assert wide['wide'] > 1150 and narrow['wide'] < 400
    for found in (wide, narrow):
        assert found['needs'] <= found['wide'] and found['outside'] == 0
        assert found['decoded'] == found['pictures'] == 2 + 3 + 3 + 1
