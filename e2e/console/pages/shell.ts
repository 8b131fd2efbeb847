import { expect, type Locator, type Page } from '@playwright/test';

/** The addresses of all views. */
export function views(namespace: string, pvc: string): string[] {
  return [
    '/',
    '/inventory',
    `/claims/${namespace}/${pvc}`,
    `/restore?namespace=${namespace}&pvc=${pvc}`,
    `/restore?of=namespace&namespace=${namespace}`,
    '/restores',
    '/batches/none',
    '/plan',
    '/policies',
    '/storage',
    '/nowhere',
  ];
}

/** The frame around every view. */
export class Shell {
  readonly page: Page;
  readonly title: Locator;
  readonly menu: Locator;

  constructor(page: Page) {
    this.page = page;
    this.title = page.getByRole('heading', { level: 1 });
    this.menu = page.getByRole('button', { name: 'Menu' });
  }

  /** Opens an address and waits until nothing that it shows is still asked for. */
  async open(address: string): Promise<void> {
    await this.page.goto(address);
    await this.settled();
  }

  async settled(): Promise<void> {
    await expect(this.title).toBeVisible();
    await expect(this.page.getByText(/^Asking (for|what)/)).toHaveCount(0);
  }

  /** Goes to a view by the list of views, where a count may follow the name. */
  async go(view: string): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: new RegExp(`^${view}( ?\\d.*)?$`) }).click();
    await this.settled();
  }

  async look(name: 'As the system' | 'Dark' | 'Light'): Promise<void> {
    await this.page.getByLabel('Look').selectOption(name);
  }

  /** Whether the page is dark, by the colour that it has. */
  dark(): Promise<boolean> {
    return this.page.evaluate(() => {
      const canvas = document.createElement('canvas').getContext('2d')!;
      canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
      return (red! + green! + blue!) / 3 < 128;
    });
  }

  /** Whether something is wider than the window, so that one would have to scroll sideways. */
  overflows(): Promise<boolean> {
    return this.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  }

  /** The names, classes, states and ages in sight that are not seen whole. What is said of a state may be cut: its whole is on hover. */
  cut(): Promise<string[]> {
    return this.page.evaluate(() => {
      const told = [...document.querySelectorAll('main :is(.claim-name, .state, time, dd, tbody th, .cell-protection, .driver)')];
      const isCut = (element: Element) => {
        for (let box: Element | null = element; box && box.tagName !== 'MAIN'; box = box.parentElement) {
          const { overflowX, overflowY } = getComputedStyle(box);
          const edge = box.getBoundingClientRect();
          const own = element.getBoundingClientRect();
          if (overflowX === 'hidden' && (own.right > edge.right + 1 || (box === element && box.scrollWidth > box.clientWidth + 1))) return true;
          if (overflowY === 'hidden' && (own.bottom > edge.bottom + 1 || (box === element && box.scrollHeight > box.clientHeight + 1))) return true;
        }
        return false;
      };
      return told.filter(isCut).map((element) => `${element.className || element.tagName}: ${element.textContent}`);
    });
  }
}
