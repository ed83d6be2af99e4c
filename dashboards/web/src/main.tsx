import { render } from 'preact';
import { App } from './app.js';
import { readOrigin } from './data.js';
import './style/page.css';
import './style/plots.css';
import './style/table.css';
import './style/detail.css';
import './style/live.css';

const page = document.getElementById('page');
if (page !== null) render(<App origin={await readOrigin()} />, page);
