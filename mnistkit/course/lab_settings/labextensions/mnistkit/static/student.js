// What no setting of JupyterLab does. It is written as the module that JupyterLab loads, so that nothing has to be built.

const MILLISECONDS = 300;

const isFigure = output => Object.keys(output.data).some(kind => kind.startsWith('image/'));
const hasFigure = ({ model }) =>
  model.type === 'code' && Array.from({ length: model.outputs.length }, (_, n) => model.outputs.get(n)).some(isFigure);

/** Go to the first figure as soon as it is there. JupyterLab goes to the last cell when Run All begins, and stays there. */
async function showFirstFigure(notebook, running) {
  let isOver = false;
  running.catch(() => {}).then(() => { isOver = true; });
  const last = notebook.activeCellIndex;
  let index;
  do {
    await new Promise(resolve => setTimeout(resolve, MILLISECONDS));
    if (notebook.isDisposed || notebook.activeCellIndex !== last) return; // the student has gone elsewhere
    index = notebook.widgets.findIndex(hasFigure);
  } while (index < 0 && !isOver);
  if (index < 0) return;
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index, 'start').catch(() => {});
  const image = notebook.widgets[index].node.querySelector('.jp-OutputArea img');
  await image?.decode().catch(() => {});
  image?.scrollIntoView({ block: 'center' });
}

/** Read the start page again: the server writes it anew whenever a lesson is saved. */
function refresh(widget) {
  const context = widget?.context;
  if (context?.path.split('/').at(-1) === 'START.md' && context.isReady && !context.model.dirty) context.revert();
}

const plugin = {
  id: 'mnistkit:student',
  autoStart: true,
  activate: ({ commands, shell }) => {
    commands.commandExecuted.connect((_, { id, result }) => {
      if (id === 'notebook:run-all-cells') showFirstFigure(shell.currentWidget.content, result);
      // Who goes to the start page while a lesson is still being saved has seen the old one.
      if (id === 'docmanager:save') result.then(() => refresh(shell.currentWidget), () => {});
    });
    shell.currentChanged.connect((_, { newValue }) => refresh(newValue));
  }
};

(window._JUPYTERLAB ??= {}).mnistkit = { init: () => {}, get: () => () => plugin };
