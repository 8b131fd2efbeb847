import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { newQueryClient } from './api/queries';
import { newRouter } from './router';
import { applyTheme } from './shell/theme';
import './styles.css';

applyTheme();

const place = document.getElementById('root');
if (!place) throw new Error('index.html has no #root');
createRoot(place).render(
  <StrictMode>
    <App router={newRouter()} client={newQueryClient()} />
  </StrictMode>,
);
